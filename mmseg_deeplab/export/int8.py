"""A quantised file beside an exported one, and what it costs in mIoU."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_deeplab.config.labelled_images import LabelledImages
from mmseg_deeplab.inference.exported import ExportedPredictor
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.progress import Progress

from . import onnx_format
from .evaluate_file import evaluate
from .network_file import Export
from .quantize import quantize
from .samples import CalibrationImages

SUFFIX = '_int8'
FIGURES = ('mIoU', 'aAcc', 'mAcc')
NUM_IMAGES = 100  # what ONNX Runtime's own examples take


@dataclass(frozen=True)
class Calibration:
    """How the ranges of activations are found.

    Args:
        folder: Of images, in any depth; None takes the config's training set.
        num_images: At most so many, spread evenly.
        method: See :func:`quantize`.
    """

    folder: str | None = None
    num_images: int = NUM_IMAGES
    method: str = 'minmax'


@dataclass(frozen=True)
class Evaluation:
    """What both files are judged by.

    Args:
        split: ``'val'`` or ``'test'``.
        num_images: The first so many; None takes all.
    """

    split: str = 'test'
    num_images: int | None = None


def export_int8(
    exported: Export,
    cfg: Config,
    calibration: Calibration,
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Write ``NAME_int8.onnx`` beside ``NAME.onnx``, and what it costs as JSON.

    Args:
        exported: An ONNX file.
        cfg: The whole config, for the data.
        calibration: How to quantise.
        evaluation: How to judge.

    Returns:
        The content of ``NAME_int8.json``: figures in percent before and after.

    Raises:
        FileNotFoundError: If images are missing.
        ImportError: If ONNX Runtime is missing.
        ValueError: If the file is no ONNX, or the settings make no sense.
    """
    path = exported.path
    if path.suffix != onnx_format.SUFFIX:
        raise ValueError(f'{path}: int8 goes with --format onnx alone')
    dataset = LabelledImages(cfg, evaluation.split)
    before = ExportedPredictor(path)
    images = CalibrationImages(cfg, calibration.folder, calibration.num_images)
    content = quantize(
        path.read_bytes(), _calibrating(before, images), method=calibration.method
    )
    settings = dict(
        images=len(images),
        of=calibration.folder or 'train_dataloader',
        method=calibration.method,
    )
    metadata = replace(exported.metadata, int8=settings)
    out = path.with_name(f'{path.stem}{SUFFIX}{path.suffix}')
    write_whole(onnx_format.with_metadata(content, metadata), out)
    result: dict[str, Any] = dict(calibration=settings)
    result['evaluation'] = dict(split=evaluation.split)
    for name, predictor in (('float', before), ('int8', ExportedPredictor(out))):
        result[name] = _judge(name, predictor, dataset, evaluation.num_images)
    report = json.dumps(result, indent=1) + '\n'
    write_whole(report.encode(), out.with_suffix('.json'))
    return result


def _calibrating(
    predictor: ExportedPredictor, images: CalibrationImages
) -> Iterator[np.ndarray]:
    """Yield images as the file takes them."""
    with Progress('calibration', len(images), unit='images') as progress:
        for image in images:
            yield predictor.prepare(image)
            progress.advance()


def _judge(
    name: str,
    predictor: ExportedPredictor,
    dataset: LabelledImages,
    num_images: int | None,
) -> dict[str, Any]:
    total = min(len(dataset), num_images or len(dataset))
    with Progress(name, total, unit='images') as progress:
        figures = evaluate(
            predictor, dataset, num_images=num_images, after_each=progress.advance
        )
    path = Path(predictor.path)
    return dict(
        file=path.name, bytes=path.stat().st_size, images=total, figures=figures
    )


def int8_text(result: dict[str, Any]) -> str:
    """Say in a few lines what :func:`export_int8` found.

    Args:
        result: What it returned.
    """
    lines = []
    for name in ('float', 'int8'):
        one = result[name]
        figures = ', '.join(f'{f} {one["figures"][f]:.2f}' for f in FIGURES)
        lines.append(f'{one["file"]}: {figures} ({one["bytes"] / 1e6:.1f} MB)')
    change = result['int8']['figures']['mIoU'] - result['float']['figures']['mIoU']
    return '\n'.join(
        [*lines, f'mIoU {change:+.2f} on {result["int8"]["images"]} images']
    )
