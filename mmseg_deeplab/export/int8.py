"""int8 by ONNX Runtime's static quantisation, and what it costs in mIoU."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch.utils.data import Subset

from mmseg_deeplab.config.labelled_images import LabelledImage, LabelledImages
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.inference.exported import INPUT, ExportedPredictor
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.optional_packages import optional_package
from mmseg_deeplab.utils.progress import Progress

from .calibration import calibration_images
from .export_formats import FORMATS, quiet, with_metadata
from .exporting import Export

METHODS = {'minmax': 'MinMax', 'percentile': 'Percentile', 'entropy': 'Entropy'}
METRICS = ('mIoU', 'aAcc', 'mAcc')
NUM_IMAGES = 100  # as in ONNX Runtime's own examples
# What carries features from one convolution to the next. Normalisation before the first
# and upsampling behind the last stay in float32, or neighbouring classes would tie.
OPERATORS = ('Add', 'AveragePool', 'Clip', 'Concat', 'Conv', 'MaxPool', 'Pad', 'Relu')


@dataclass(frozen=True)
class Calibration:
    """How the ranges of activations are found.

    Args:
        folder: Folder of images, in any depth; None takes the config's training set.
        num_images: The largest number of images, spread evenly.
        method: See :func:`quantize`.
    """

    folder: str | None = None
    num_images: int = NUM_IMAGES
    method: str = 'minmax'


@dataclass(frozen=True)
class Evaluation:
    """The images by which both files are judged.

    Args:
        split: ``'val'`` or ``'test'``.
        num_images: Take this many first images; None takes all.
    """

    split: str = 'test'
    num_images: int | None = None


def export_int8(
    exported: Export, cfg: Config, calibration: Calibration, evaluation: Evaluation
) -> dict[str, Any]:
    """Write ``NAME_int8.onnx`` beside ``NAME.onnx``, and its metrics as JSON.

    Args:
        exported: An ONNX file.
        cfg: The whole config, for the data.
        calibration: How to quantise.
        evaluation: How to judge.

    Returns:
        The content of ``NAME_int8.json``: metrics in percent before and after.

    Raises:
        FileNotFoundError: If images are missing.
        ImportError: If ONNX Runtime is missing.
        ValueError: If the file is not ONNX, or the settings make no sense.
    """
    path = exported.path
    if path.suffix != FORMATS['onnx'].suffix:
        raise ValueError(f'{path}: int8 goes with --format onnx alone')
    labelled = LabelledImages(cfg, evaluation.split)
    before = ExportedPredictor(path)
    images = calibration_images(cfg, calibration.folder, calibration.num_images)
    content = quantize(
        path.read_bytes(),
        (before.prepare(one.image) for one in _shown('calibration', images)),
        method=calibration.method,
    )
    settings = dict(
        images=len(images),
        of=calibration.folder or 'train_dataloader',
        method=calibration.method,
    )
    out = path.with_name(f'{path.stem}_int8{path.suffix}')
    write_whole(with_metadata(content, replace(exported.metadata, int8=settings)), out)
    result = dict(
        calibration=settings,
        evaluation=dict(split=evaluation.split),
        float=_judge(before, labelled, evaluation.num_images),
        int8=_judge(ExportedPredictor(out), labelled, evaluation.num_images),
    )
    write_whole(
        (json.dumps(result, indent=1) + '\n').encode(), out.with_suffix('.json')
    )
    return result


def quantize(
    model: bytes, images: Iterable[np.ndarray], *, method: str = 'minmax'
) -> bytes:
    """Return a model whose convolutions compute in 8 bits.

    Weights are int8 with a scale for each output channel, activations uint8 with one
    scale each, in the QDQ form that ONNX Runtime and TensorRT read.

    Args:
        model: Content of an ONNX file.
        images: ``(H, W, 3)`` uint8 RGB, by which the ranges of the activations are
            found.
        method: ``'minmax'`` takes all that occurs; ``'percentile'`` and ``'entropy'``
            cut rare values, and keep all activations of all images in memory.

    Raises:
        ImportError: If ONNX Runtime is missing.
        ValueError: If ``method`` is another word.
    """
    if method not in METHODS:
        raise ValueError(f'method must be one of {list(METHODS)}, received {method!r}')
    for package in ('onnx', 'onnxruntime.quantization'):
        quantization = optional_package(
            package, extra='export', purpose='Quantisation to int8'
        )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(inputs, None)

    inputs = ({INPUT: image[None]} for image in images)
    with tempfile.TemporaryDirectory() as folder, quiet():
        source, ready, out = (Path(folder) / f'{name}.onnx' for name in 'abc')
        source.write_bytes(model)
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(out),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            # On x86 the kernels for uint8 x int8 are up to ten times as fast as those
            # for int8 x int8.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod[METHODS[method]],
        )
        return out.read_bytes()


def _judge(
    predictor: ExportedPredictor, labelled: LabelledImages, num_images: int | None
) -> dict[str, Any]:
    """Return the metrics of a file, in percent."""
    if num_images is not None and num_images < 1:
        raise ValueError(f'num_images must be 1 or more, received {num_images}')
    total = min(len(labelled), num_images or len(labelled))
    metric = SegmentationMetric(prefix='')
    metric.dataset_meta = labelled.metainfo
    images = _shown(predictor.path.name, Subset(labelled, range(total)))
    for image, label, path in images:
        labels = predictor.predict([image])[0].labels
        mask = torch.from_numpy(labels.astype('int64'))
        sample = dict(img_path=path, pred_sem_seg=dict(data=mask))
        if label is not None:
            sample['gt_sem_seg'] = dict(data=label)
        metric.process({}, [sample])
    return dict(
        file=predictor.path.name,
        bytes=predictor.path.stat().st_size,
        images=total,
        figures=metric.evaluate(total),
    )


def _shown(name: str, images: Subset) -> Iterator[LabelledImage]:
    """Yield images and show the progress."""
    with Progress(name, len(images), unit='images') as progress:
        for image in images:
            yield image
            progress.advance()


def int8_text(result: dict[str, Any]) -> str:
    """Describe in a few lines what :func:`export_int8` returned."""
    lines = []
    for name in ('float', 'int8'):
        one = result[name]
        metrics = ', '.join(f'{m} {one["figures"][m]:.2f}' for m in METRICS)
        lines.append(f'{one["file"]}: {metrics} ({one["bytes"] / 1e6:.1f} MB)')
    change = result['int8']['figures']['mIoU'] - result['float']['figures']['mIoU']
    return '\n'.join(
        [*lines, f'mIoU {change:+.2f} on {result["int8"]["images"]} images']
    )
