"""int8 by ONNX Runtime's static quantisation, and what it costs in mIoU."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmseg_deeplab.config.labelled_images import LabelledImages
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.inference.exported import INPUT, ExportedPredictor
from mmseg_deeplab.inference.images import is_image, read_image
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.utils.onnx_runtime import import_onnxruntime
from mmseg_deeplab.utils.optional_packages import optional_package
from mmseg_deeplab.utils.progress import Progress
from mmseg_deeplab.utils.value_checks import require_at_least

from .export_formats import quiet, with_metadata
from .exporting import Export

METHODS = {'minmax': 'MinMax', 'percentile': 'Percentile', 'entropy': 'Entropy'}
METRICS = ('mIoU', 'aAcc', 'mAcc')
NUM_IMAGES = 100  # as in ONNX Runtime's own examples
# What carries features from one convolution to the next. Normalisation before the first
# and upsampling behind the last stay in float32, or neighbouring classes would tie.
OPERATORS = ('Add', 'AveragePool', 'Clip', 'Concat', 'Conv', 'MaxPool', 'Pad', 'Relu')


def export_int8(
    exported: Export,
    cfg: Config,
    *,
    folder: str | None = None,
    num_images: int = NUM_IMAGES,
    method: str = 'minmax',
    split: str = 'test',
    num_evaluation_images: int | None = None,
) -> dict[str, Any]:
    """Write ``NAME_int8.onnx`` beside ``NAME.onnx``, and the metrics of both as JSON.

    It is calibrated with at most ``num_images`` images of a folder, by default of the
    training set, see :func:`quantize`. Both files are judged by the images of the
    ``split``, ``'val'`` or ``'test'``; ``'none'`` needs no labels: the labels of both
    are compared on the images of the calibration. Returns the content of
    ``NAME_int8.json``.
    """
    path = exported.path
    if path.suffix != '.onnx':
        raise InputError(f'{path}: int8 goes with --format onnx alone')
    labelled = None if split == 'none' else LabelledImages(cfg, split)
    before = ExportedPredictor(path)
    if before.bands is not None:
        raise InputError(
            f'{path}: int8 is for networks of colour images, and this one reads bands. '
            'Remedy: leave out --int8; the float file is there'
        )
    count, images = _calibration_images(cfg, folder, num_images)
    content = quantize(path.read_bytes(), map(before.prepare, images), method=method)
    settings = dict(images=count, of=folder or 'train_dataloader', method=method)
    out = path.with_name(f'{path.stem}_int8{path.suffix}')
    metadata = replace(exported.metadata, int8=settings)
    write_whole(with_metadata(content, metadata), out)
    after = ExportedPredictor(out)
    if labelled is None:
        _, images = _calibration_images(cfg, folder, num_evaluation_images or count)
        judged = _compare(before, after, images)
    else:
        judged = dict(
            float=_judge(before, labelled, num_evaluation_images),
            int8=_judge(after, labelled, num_evaluation_images),
        )
    result = dict(calibration=settings, evaluation=dict(split=split), **judged)
    write_json(out.with_suffix('.json'), result)
    return result


def _calibration_images(
    cfg: Config, folder: str | None, count: int
) -> tuple[int, Iterator[np.ndarray]]:
    """Return the number of images, spread evenly, and what reads them."""
    require_at_least(1, num_images=count)
    images: LabelledImages | list[Path]
    if folder is None:
        images = LabelledImages(cfg, 'train')
    else:
        images = sorted(filter(is_image, Path(folder).rglob('*')))
    total = len(images)
    if not total:
        raise FileNotFoundError(
            f'folder {str(folder)!r} for the calibration does not exist or has no '
            f'images (current folder {Path.cwd()})'
        )
    count = min(count, total)

    def read() -> Iterator[np.ndarray]:
        with Progress('calibration', count, unit='images') as progress:
            for index in range(count):
                one = images[index * total // count]
                yield read_image(one) if isinstance(one, Path) else one.image
                progress.advance()

    return count, read()


def quantize(
    model: bytes, images: Iterable[np.ndarray], *, method: str = 'minmax'
) -> bytes:
    """Return a model whose convolutions compute in 8 bits.

    Weights are int8 with a scale for each output channel, activations uint8, in the QDQ
    form that ONNX Runtime and TensorRT read. The ranges of the activations are found
    with ``images``: ``'minmax'`` takes all values that occur, ``'percentile'`` and
    ``'entropy'`` cut rare ones and keep all activations in memory.
    """
    purpose = 'Quantisation to int8'
    optional_package('onnx', extra='export', purpose=purpose)
    quantization = import_onnxruntime('quantization', purpose=purpose)
    shapes = import_onnxruntime('quantization.shape_inference', purpose=purpose)
    inputs = ({INPUT: image[None]} for image in images)

    class Reader(quantization.CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(inputs, None)

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, ready, out = (str(Path(folder, f'{name}.onnx')) for name in 'abc')
        Path(source).write_bytes(model)
        shapes.quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantization.quantize_static(
            ready,
            out,
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
        return Path(out).read_bytes()


def _judge(
    predictor: ExportedPredictor, labelled: LabelledImages, num_images: int | None
) -> dict[str, Any]:
    """Return size and metrics, in percent, of a file."""
    path, most = predictor.path, len(labelled)
    total = most if num_images is None else min(most, num_images)
    require_at_least(1, num_images=total)
    metric = SegmentationMetric(prefix='')
    metric.dataset_meta = labelled.metainfo
    with Progress(path.name, total, unit='images') as progress:
        for index in range(total):
            image, label, image_path = labelled[index]
            labels = predictor.predict([image])[0].labels
            mask = torch.from_numpy(labels.astype('int64'))
            sample = dict(img_path=image_path, pred_sem_seg=dict(data=mask))
            if label is not None:
                sample['gt_sem_seg'] = dict(data=label)
            metric.process({}, [sample])
            progress.advance()
    return dict(_sizes(path, total), metrics=metric.evaluate(total))


def _compare(
    before: ExportedPredictor, after: ExportedPredictor, images: Iterable[np.ndarray]
) -> dict[str, Any]:
    """Return the sizes of two files, and on how many pixels, in percent, they agree."""
    shares = [
        np.mean(before.predict([image])[0].labels == after.predict([image])[0].labels)
        for image in images
    ]
    return dict(
        float=_sizes(before.path, len(shares)),
        int8=_sizes(after.path, len(shares)),
        agreement=round(100 * float(np.mean(shares)), 2),
    )


def _sizes(path: Path, images: int) -> dict[str, Any]:
    return dict(file=path.name, bytes=path.stat().st_size, images=images)


def int8_text(result: dict[str, Any]) -> str:
    """Describe in a few lines what :func:`export_int8` returned."""
    lines, files = [], (result['float'], result['int8'])
    for file in files:
        found = file.get('metrics', {})
        metrics = ''.join(f' {m} {found[m]:.2f},' for m in METRICS if m in found)
        lines.append(f'{file["file"]}:{metrics} {file["bytes"] / 1e6:.1f} MB')
    if 'agreement' in result:
        lines.append(
            f'both files agree on {result["agreement"]:.2f} % of the pixels of '
            f'{files[1]["images"]} images'
        )
    else:
        before, after = (file['metrics']['mIoU'] for file in files)
        lines.append(f'mIoU {after - before:+.2f} on {files[1]["images"]} images')
    return '\n'.join(lines)
