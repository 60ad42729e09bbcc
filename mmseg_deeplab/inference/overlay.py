"""Predictions painted over their image."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_deeplab.utils.errors import InputError

IGNORED = (0, 0, 0)


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint class ids ``(H, W)``; those outside the palette (ignored) become black."""
    table = np.full((max(256, len(palette)), 3), IGNORED, dtype=np.uint8)
    table[: len(palette)] = palette
    return table[labels.astype(np.uint8) if len(table) == 256 else labels]


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
    *,
    opacity: float = 0.5,
) -> np.ndarray:
    """Mix an RGB image ``(H, W, 3)`` uint8 with the colours of its labels ``(H, W)``.

    ``opacity`` 0 is the image alone, 1 the colours alone.

    Raises:
        ValueError: If the sizes differ, or ``opacity`` is outside 0..1.
    """
    if not 0 <= opacity <= 1:
        raise InputError(f'opacity must be in 0..1, received {opacity!r}')
    if image.shape[:2] != labels.shape:
        raise InputError(
            f'image and labels must have one size, received {image.shape[:2]} and '
            f'{labels.shape}'
        )
    colours = colour_labels(labels, palette)
    return cv2.addWeighted(image, 1 - opacity, colours, opacity, 0)


def class_shares(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the share of the pixels that each class has, ``(K,)``."""
    counts = np.bincount(labels.ravel(), minlength=num_classes)[:num_classes]
    return counts / max(labels.size, 1)
