"""The metrics on a card: of a file that is named, or of the log of the training."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_deeplab.visualization import read_scalars

# Of `SegmentationMetric` and MMSegmentation's IoUMetric, percent.
NAMES = ['mIoU', 'aAcc', 'mAcc', 'fwIoU', 'mDice', 'mFscore', 'mPrecision', 'mRecall']


@dataclass(frozen=True)
class Metrics:
    """An evaluation."""

    source: str  # where the metrics are from, in words
    overall: dict[str, float]  # percent
    per_class: dict[str, dict[str, float | None]] = field(default_factory=dict)


def read_metrics(path: str | Path, classes: list[str]) -> Metrics:
    """Read the metrics of an evaluation.

    Args:
        path: ``metrics.json`` of ``mmseg-deeplab report``, or the JSON file that
            ``mmseg-deeplab test`` leaves in its work folder.
        classes: Names of the network's classes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file holds no metrics, or those of other classes.
    """
    path = Path(path)
    content = json.loads(path.read_text())
    overall = _overall(content.get('figures', content))
    if not overall:
        raise ValueError(
            f'{path}: holds none of {", ".join(NAMES)}; mmseg-deeplab report CONFIG '
            'CHECKPOINT writes such a file'
        )
    per_class = content.get('per_class', {})
    if per_class and list(per_class) != classes:
        raise ValueError(
            f'{path}: has metrics of the classes {list(per_class)}, the checkpoint has '
            f'{classes}; is it the evaluation of another model?'
        )
    return Metrics(f'evaluation in `{path.name}`', overall, per_class)


def logged_metrics(folder: Path, step: int | None) -> Metrics | None:
    """Return the validation that a training has logged in its work folder at a step."""
    if step is None or not any(folder.glob('*/vis_data/scalars.json')):
        return None
    for record in read_scalars(folder):
        if record['step'] == step and 'loss' not in record and 'mIoU' in record:
            source = f'validation at iteration {step}, from the log of the training'
            return Metrics(source, _overall(record))
    return None


def _overall(record: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(float(record[name]), 2)
        for name in NAMES
        if isinstance(record.get(name), int | float)
    }
