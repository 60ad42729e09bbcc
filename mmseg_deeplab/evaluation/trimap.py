"""The narrow bands around object borders within which the trimap metrics count."""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

BORDERS = ('labels', 'classes', 'void')
MAX_WIDTH = 255  # distances are kept in 8 bits
_NEIGHBOURS = np.ones((3, 3), np.uint8)


def check_widths(widths: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the widths as a tuple if they increase strictly within 1..255."""
    if widths is None:
        return ()
    found = widths if isinstance(widths, list | tuple) else [widths]
    if not all(type(width) is int for width in found):
        raise TypeError(f'trimap_widths must be integers, received {widths!r}')
    limits = [0, *found, MAX_WIDTH + 1]
    if not found or any(low >= high for low, high in pairwise(limits)):
        raise InputError(
            f'trimap_widths must increase strictly within 1..{MAX_WIDTH}, such as '
            f'(1, 2, 5, 10, 20, 40), received {widths!r}'
        )
    return tuple(found)


def trimap_bands(
    target: np.ndarray,
    widths: Sequence[int],
    *,
    ignore_index: int = 255,
    around: str = 'labels',
) -> np.ndarray:
    """Return the index of the narrowest band around borders that contains each pixel.

    A pixel is in the band of width ``w`` if the square of ``2 w + 1`` pixels around it
    holds another label than its own: the trimap of `Kohli et al. 2009
    <https://doi.org/10.1007/s11263-008-0202-0>`_, on which `Krähenbühl and Koltun 2011
    <https://arxiv.org/abs/1210.5644>`_ (section 5) and DeepLab v1 and v2 (`section 4.1
    <https://arxiv.org/abs/1606.00915>`_) evaluate.

    ``'labels'`` are borders between any two labels, void included; ``'classes'`` where
    a 3 x 3 window holds two classes, for data sets whose void is no object (the ego
    vehicle of Cityscapes); ``'void'`` between void and anything else, as DeepLab's
    release does on VOC. The edge of the image is none. The index is ``len(widths)``
    outside of all bands.
    """
    if target.ndim != 2:
        raise InputError(f'target must be (H, W), received shape {target.shape}')
    border = _border(target, ignore_index, check_borders(around))
    distance = cv2.distanceTransform((~border).view(np.uint8), cv2.DIST_C, 3)
    # A border pixel is one step from the other label.
    band_of = np.searchsorted(widths, np.arange(256), side='right').astype(np.uint8)
    return cv2.LUT(np.minimum(distance, 255).astype(np.uint8), band_of)


def check_borders(around: str) -> str:
    """Return ``around`` if it names a kind of border, else raise a ValueError."""
    require_one_of('trimap_around', around, BORDERS)
    return around


def _border(target: np.ndarray, ignore_index: int, around: str) -> np.ndarray:
    """Mark the pixels with another label among their eight neighbours."""
    void = target == ignore_index
    # 16 bits are enough to tell labels apart, a negative ignore_index included.
    high = low = void.view(np.uint8) if around == 'void' else target.astype(np.uint16)
    if around == 'classes':
        high = np.where(void, np.uint16(0), high)
        low = np.where(void, np.uint16(65535), low)
    # In a window of void alone, the greatest class is below the smallest one.
    return cv2.dilate(high, _NEIGHBOURS) > cv2.erode(low, _NEIGHBOURS)
