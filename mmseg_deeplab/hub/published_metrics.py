"""Where the figures on a card come from."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_deeplab.visualization import read_scalars

# Of `SegmentationMetric` and MMSeg's IoUMetric, percent.
NAMES = (
    'mIoU',
    'aAcc',
    'mAcc',
    'fwIoU',
    'mDice',
    'mFscore',
    'mPrecision',
    'mRecall',
)


@dataclass(frozen=True)
class Figures:
    """An evaluation.

    Args:
        source: Where the figures are from, in words.
        overall: By name, percent.
        per_class: Figures by the names of the classes; empty if not known.
    """

    source: str
    overall: dict[str, float]
    per_class: dict[str, dict[str, float | None]] = field(default_factory=dict)


def read_figures(path: str | Path, classes: list[str]) -> Figures:
    """Read the figures of an evaluation.

    Args:
        path: ``metrics.json`` of ``tools/report.py``, or the JSON file that
            ``tools/test.py`` leaves in its work folder.
        classes: Of the network.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON, holds no figures, or those of other classes.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no such file; python tools/report.py CONFIG CHECKPOINT writes it'
        )
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path}: is no JSON file: {error}') from error
    content = content if isinstance(content, dict) else {}
    overall = _overall(content.get('figures', content))
    if not overall:
        raise ValueError(
            f'{path}: holds none of the figures {", ".join(NAMES)}; python '
            'tools/report.py CONFIG CHECKPOINT writes such a file'
        )
    per_class = content.get('per_class', {})
    if per_class and list(per_class) != classes:
        raise ValueError(
            f'{path}: figures of the classes {list(per_class)}, the checkpoint has '
            f'{classes}; is it the evaluation of another model?'
        )
    return Figures(f'evaluation in `{path.name}`', overall, per_class)


def logged_figures(folder: Path, step: int | None) -> Figures | None:
    """Return the validation that the training has logged at a step.

    Args:
        folder: Work folder of the training.
        step: Iteration of the checkpoint; None gives None.
    """
    if step is None or not any(folder.glob('*/vis_data/scalars.json')):
        return None
    for record in read_scalars(folder):
        if record['step'] == step and 'loss' not in record and 'mIoU' in record:
            source = f'validation at iteration {step}, from the log of the training'
            return Figures(source, _overall(record))
    return None


def find_figures(
    folder: Path, step: int | None, classes: list[str]
) -> tuple[Figures | None, str]:
    """Look for figures of a checkpoint that cannot be those of another.

    ``metrics.json`` beside it is taken where it agrees with the log at the
    checkpoint's step, since it adds figures per class; alone it is not: nothing in it
    tells which checkpoint was evaluated.

    Args:
        folder: Of the checkpoint.
        step: Its iteration.
        classes: Of the network.

    Returns:
        The figures, and what the user should know.
    """
    logged = logged_figures(folder, step)
    file = folder / 'metrics.json'
    if not file.is_file():
        return logged, '' if logged else 'no figures found: give --metrics FILE'
    if logged:
        reported = read_figures(file, classes)
        if reported.per_class and reported.overall == logged.overall:
            return Figures(logged.source, logged.overall, reported.per_class), ''
    return logged, f'{file} is not used; if it is of this checkpoint: --metrics {file}'


def _overall(record: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(float(record[name]), 2)
        for name in NAMES
        if isinstance(record.get(name), int | float)
    }
