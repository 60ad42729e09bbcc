"""Comparison of an exported file with the network that it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_deeplab.inference.exported import (
    PANOPTIC_OUTPUTS,
    OnnxFile,
    open_exported,
)
from mmseg_deeplab.models import BandPreprocessor, PanopticDeepLab, predicting
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands

from .graph import quiet_resize

# Batch, height and width: odd and even sides, a high image, a batch.
SIZES = ((1, 97, 131), (2, 64, 64), (1, 255, 33))
# Relative to the largest logit. Another order of summation and folded BatchNorm cost
# about 1e-6.
TOLERANCE = 1e-4
ONNX_LAST_STEPS = ('ArgMax', 'Softmax', 'Sigmoid')
REMEDY = 'No file was written. Remedy: another --format'
aten = torch.ops.aten
TORCH_LAST_STEPS = (aten.argmax.default, aten._softmax.default, aten.sigmoid.default)


class ExportDiffersError(InputError):
    """The file does not compute what the network does."""


@dataclass(frozen=True)
class Agreement:
    """How far a file is from its network."""

    logit_error: float  # the largest, relative to the largest logit
    other_labels: int  # pixels where two classes have nearly equal logits
    pixels: int  # all pixels

    def text(self) -> str:
        sizes = ', '.join(f'{height}x{width}' for _, height, width in SIZES)
        return (
            f'largest error of a logit {self.logit_error:.1e} of the largest logit, '
            f'{self.other_labels} of {self.pixels} labels differ (images of {sizes})'
        )


def check_file(
    path: str | Path, segmentor: BaseSegmentor, *, device: str = 'cpu'
) -> Agreement:
    """Compare a file with MMSegmentation's own way through the network.

    ``segmentor`` is on the CPU, in evaluation mode, without CRF, its BatchNorm not
    folded. ExportDiffersError if logits differ by more than TOLERANCE, or results by
    more than these logits explain.
    """
    file = FileWithLogits(path, device)
    errors, other, pixels, threshold = [], 0, 0, file.metadata.threshold
    for size in SIZES:
        images = random_images(size, file.metadata.bands)
        expected = reference_logits(segmentor, images)
        result, *instances, logits = file(images)
        if instances:
            _check_instances(instances, segmentor, images)
        if logits.shape[1] == 1:  # MMSegmentation has applied the sigmoid
            logits = 1 / (1 + np.exp(-logits))
        error = float(np.abs(logits - expected).max())
        errors.append(error / float(np.abs(expected).max()))
        if not errors[-1] <= TOLERANCE:  # NaN fails, too
            raise ExportDiffersError(
                f'images of {size[1]}x{size[2]}: a logit differs from that of the '
                f'network by {errors[-1]:.2g} of the largest logit, more than '
                f'{TOLERANCE:g}. {REMEDY}'
            )
        other += _other_labels(result, expected, threshold, 2 * error)
        pixels += int(np.prod(size))
    return Agreement(max(errors), other, pixels)


class FileWithLogits:
    """An exported file that also returns the logits before its last step."""

    def __init__(self, path: str | Path, device: str = 'cpu') -> None:
        self._file = open_exported(path, device=device, trust_program=True)
        self.metadata = self._file.metadata
        if isinstance(self._file, OnnxFile):
            import onnx

            # The input of the last step becomes a second output.
            model = onnx.load(path)
            last = [n for n in model.graph.node if n.op_type in ONNX_LAST_STEPS][-1]
            output = onnx.helper.make_empty_tensor_value_info(last.input[0])
            model.graph.output.append(output)
            self._file = OnnxFile(model.SerializeToString(), device)

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs and the logits ``(N, K, H, W)`` of ``(N, H, W, 3)``."""
        if isinstance(self._file, OnnxFile):
            *outputs, logits = self._file.outputs(images)
        else:
            with _LastLogits() as caught:
                outputs = self._file.outputs(images)
            logits = caught.logits.cpu().numpy()
        height, width = images.shape[1:3]
        return [*outputs, logits[..., :height, :width]]


class _LastLogits(TorchDispatchMode):
    """Keeps the input of the last argmax, softmax or sigmoid."""

    logits: torch.Tensor

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if func in TORCH_LAST_STEPS:
            self.logits = args[0]
        return func(*args, **(kwargs or {}))


def random_images(
    size: tuple[int, int, int], bands: dict[str, Any] | None = None
) -> np.ndarray:
    """Return ``(N, H, W, C)`` images of coloured patches with noise, as a file takes.

    They are uint8, C is 3; or as the bands, arguments of ``ImageBands``, say.
    """
    count, height, width = size
    channels = len(ImageBands(**bands).numbers) if bands else 3
    generator = np.random.default_rng(0)
    shape = (count, height // 16 + 1, width // 16 + 1, channels)
    patches = generator.integers(0, 200, shape, dtype=np.uint8)
    patches = patches.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
    noise = generator.integers(0, 56, (*size, channels), dtype=np.uint8)
    is_exact = bands is not None and bands['value_range'] is not None
    return (patches + noise).astype(np.float32 if is_exact else np.uint8)


@torch.no_grad()
def reference_logits(segmentor: BaseSegmentor, images: np.ndarray) -> np.ndarray:
    """Return the logits ``(N, K, H, W)`` of ``test_step``, or the sigmoid of one."""
    with quiet_resize(), predicting(keep_logits=True):
        samples = segmentor.test_step(_batch(segmentor, images))
    return np.stack([found.seg_logits.data.numpy() for found in samples])


@torch.no_grad()
def _check_instances(
    found: Sequence[np.ndarray], segmentor: PanopticDeepLab, images: np.ndarray
) -> None:
    """Compare heat and offsets with the network's, at the size of the image."""
    inputs = segmentor.data_preprocessor(_batch(segmentor, images))['inputs']
    _, heat, offset = segmentor(inputs, mode='tensor')
    maps = heat, offset * segmentor.decode_head.stride
    for name, array, small in zip(PANOPTIC_OUTPUTS, found, maps, strict=True):
        corners = segmentor.align_corners
        expected = F.interpolate(
            small, size=inputs.shape[2:], mode='bilinear', align_corners=corners
        ).numpy()[..., : array.shape[2], : array.shape[3]]
        error = np.abs(array - expected).max() / max(np.abs(expected).max(), 1)
        if not error <= TOLERANCE:
            raise ExportDiffersError(
                f'images of {images.shape[1]}x{images.shape[2]}: {name} differs by '
                f'{error:.2g}. {REMEDY}'
            )


def _batch(segmentor: BaseSegmentor, images: np.ndarray) -> dict[str, list[Any]]:
    """Return ``(N, H, W, C)``, RGB or bands, as what ``test_step`` takes."""
    shape = images.shape[1:3]
    sample = dict(metainfo=dict(ori_shape=shape, img_shape=shape))
    takes_bands = isinstance(segmentor.data_preprocessor, BandPreprocessor)
    ordered = np.ascontiguousarray(images[..., :: 1 if takes_bands else -1])
    bgr = torch.from_numpy(ordered).permute(0, 3, 1, 2)
    return dict(inputs=list(bgr), data_samples=[SegDataSample(**sample) for _ in bgr])


def _other_labels(
    result: np.ndarray, expected: np.ndarray, threshold: float, near: float
) -> int:
    """Count the pixels with another label; refuse those that are not near a tie."""
    labels, margin = _labels(expected, threshold)
    if result.ndim == 4:  # probabilities
        total = result.sum(axis=1)
        if not np.allclose(total, 1, atol=1e-5):
            raise ExportDiffersError(
                f'probabilities add up to {total.min():g} ... {total.max():g}'
            )
        result, _ = _labels(result[:, -expected.shape[1] :], threshold)
    differs = result != labels
    if (wrong := differs & (margin > near)).any():
        raise ExportDiffersError(
            f'{wrong.sum()} labels differ from those of the network. {REMEDY}'
        )
    return int(differs.sum())


def _labels(logits: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels, and by how much the best class leads."""
    if logits.shape[1] == 1:
        lead = logits[:, 0] - threshold
        return lead > 0, np.abs(lead)
    best = np.sort(logits, axis=1)[:, -2:]
    return logits.argmax(axis=1), best[:, 1] - best[:, 0]
