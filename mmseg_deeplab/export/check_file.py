"""An exported file against the network that it was made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample

from .metadata import ExportMetadata
from .traceable import quiet_resize

# Odd and even sides, wide, high, a batch.
SIZES = ((1, 97, 131), (2, 64, 64), (1, 255, 33))
# Of the largest score. Other orders of summation and folded BatchNorm cost about 1e-6.
TOLERANCE = 1e-4


class ExportedFile(Protocol):
    """What :func:`open_file` of each format gives."""

    metadata: ExportMetadata

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Predict ``(N, H, W, 3)`` uint8, RGB."""
        ...

    def with_scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the result, and the scores ``(N, K, H, W)`` it was made of."""
        ...


class ExportDiffersError(ValueError):
    """The file does not compute what the network does."""


@dataclass(frozen=True)
class Agreement:
    """How far a file is from its network.

    Args:
        score_error: Largest difference of a score, relative to the largest score.
        other_labels: Pixels with another label, all between classes whose scores are
            nearer to each other than twice the largest difference.
        pixels: Of all.
        sizes: Of the images.
    """

    score_error: float
    other_labels: int
    pixels: int
    sizes: tuple[tuple[int, int, int], ...]

    def text(self) -> str:
        """Say it in a line."""
        sizes = ', '.join(f'{height}x{width}' for _, height, width in self.sizes)
        return (
            f'largest error of a score {self.score_error:.1e} of the largest score, '
            f'{self.other_labels} of {self.pixels} labels differ (images of {sizes})'
        )


def check_file(
    file: ExportedFile,
    segmentor: BaseSegmentor,
    *,
    sizes: Sequence[tuple[int, int, int]] = SIZES,
    tolerance: float = TOLERANCE,
) -> Agreement:
    """Compare a file with the host's own way through the network.

    Args:
        file: Opened.
        segmentor: On the CPU, in evaluation, without CRF; not folded, so that folding
            is checked, too.
        sizes: Batch, height and width of random images.
        tolerance: The largest error of a score, relative to the largest score.

    Raises:
        ExportDiffersError: If scores differ by more, or results by more than these
            scores explain.
    """
    errors, other, pixels = [], 0, 0
    for size in sizes:
        images = random_images(size)
        expected = reference_scores(segmentor, images)
        result, scores = file.with_scores(images)
        if scores.shape[1] == 1:  # the host's have been through the sigmoid
            scores = 1 / (1 + np.exp(-scores))
        error = float(np.abs(scores - expected).max())
        errors.append(error / float(np.abs(expected).max()))
        if not errors[-1] <= tolerance:  # NaN fails, too
            raise ExportDiffersError(
                f'images of {size[1]}x{size[2]}: a score differs from that of the '
                f'network by {errors[-1]:.2g} of the largest score, more than '
                f'{tolerance:g}. No file was written. Remedy: another --format'
            )
        other += _other_labels(result, expected, file.metadata, 2 * error)
        pixels += result.size if result.ndim == 3 else result[:, 0].size
    return Agreement(max(errors), other, pixels, tuple(sizes))


def random_images(size: tuple[int, int, int]) -> np.ndarray:
    """Return images of coloured patches with noise ``(N, H, W, 3)`` uint8.

    Args:
        size: ``N``, ``H`` and ``W``.
    """
    count, height, width = size
    generator = np.random.default_rng(0)
    patches = generator.integers(
        0, 200, (count, height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8
    )
    patches = patches.repeat(16, axis=1).repeat(16, axis=2)[:, :height, :width]
    noise = generator.integers(0, 56, (*size, 3), dtype=np.uint8)
    return patches + noise


@torch.no_grad()
def reference_scores(segmentor: BaseSegmentor, images: np.ndarray) -> np.ndarray:
    """Return the scores ``(N, K, H, W)`` as a test gives them.

    Args:
        segmentor: In evaluation.
        images: ``(N, H, W, 3)`` uint8, RGB.
    """
    shape = images.shape[1:3]
    sample = dict(metainfo=dict(ori_shape=shape, img_shape=shape))
    bgr = torch.from_numpy(np.ascontiguousarray(images[..., ::-1])).permute(0, 3, 1, 2)
    batch = dict(inputs=list(bgr), data_samples=[SegDataSample(**sample) for _ in bgr])
    with quiet_resize():
        samples = segmentor.test_step(batch)
    return np.stack([found.seg_logits.data.numpy() for found in samples])


def _other_labels(
    result: np.ndarray, expected: np.ndarray, metadata: ExportMetadata, near: float
) -> int:
    """Count the pixels with another label, which must be near a tie."""
    labels, margin = _labels(expected, metadata)
    found = result
    if metadata.output == 'probabilities':
        found, _ = _labels(result[:, -expected.shape[1] :], metadata)
        total = result.sum(axis=1)
        if not np.allclose(total, 1, atol=1e-5):
            raise ExportDiffersError(
                f'probabilities add up to {total.min():g} ... {total.max():g}'
            )
    differs = found != labels
    if (differs & (margin > near)).any():
        raise ExportDiffersError(
            f'{int((differs & (margin > near)).sum())} labels differ from those of the '
            'network. No file was written. Remedy: another --format'
        )
    return int(differs.sum())


def _labels(
    scores: np.ndarray, metadata: ExportMetadata
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and by how much the best class leads."""
    if scores.shape[1] == 1:
        foreground = scores[:, 0]
        return foreground > metadata.threshold, np.abs(foreground - metadata.threshold)
    best = np.sort(scores, axis=1)[:, -2:]
    return scores.argmax(axis=1), best[:, 1] - best[:, 0]
