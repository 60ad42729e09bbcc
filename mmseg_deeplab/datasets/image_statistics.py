"""What a planned config needs to know of images and labels, sample by sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .band_sums import BandSums

# Pixels of an image that its mean and deviation are computed from, on a regular grid.
MOST_PIXELS = 250_000
IGNORED = 255


@dataclass(frozen=True)
class SampleStatistics:
    """Statistics of one image of ``C`` channels and its label."""

    sums: BandSums  # of the values as they are loaded
    thickness: dict[int, float]  # of the objects of each class, in pixels


def measure_sample(image: np.ndarray, label: np.ndarray) -> SampleStatistics:
    """Measure an image ``(H, W, C)`` or ``(H, W)`` and its label ``(H, W)``."""
    step = int(np.ceil(np.sqrt(max(1, label.size / MOST_PIXELS))))
    pixels = np.atleast_3d(image[::step, ::step])
    return SampleStatistics(
        sums=BandSums.of(pixels, np.ones(pixels.shape[:2], bool)),
        thickness={
            value: thickness(label == value)
            for value in np.unique(label).tolist()
            if value != IGNORED
        },
    )


def thickness(mask: np.ndarray) -> float:
    """Return the mean thickness of the objects of a mask, in pixels.

    Across a strip of ``w`` pixels the distances to its outside are 1, 2, ..., 2, 1,
    whose mean is ``(w + 2) / 4`` for an even ``w``. A mask of the whole image has no
    outside, and is as thick as its shorter side.
    """
    if mask.all():
        return float(min(mask.shape))
    outside = cv2.distanceTransform(
        mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return max(1.0, 4 * float(outside[mask].mean()) - 2)


def class_thickness(samples: Sequence[SampleStatistics]) -> dict[int, float]:
    """Return the median thickness of each class over the images that have it."""
    values = sorted({value for sample in samples for value in sample.thickness})
    return {
        value: float(
            np.median([s.thickness[value] for s in samples if value in s.thickness])
        )
        for value in values
    }
