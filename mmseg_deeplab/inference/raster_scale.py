"""How the values of a raster become the 8 bits that networks are trained on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# What viewers of maps (QGIS: "cumulative count cut") leave out at either end.
PERCENTILES = (2.0, 98.0)
# Longer side of the picture that the percentiles are measured on, px.
OVERVIEW = 1024

Range = tuple[float, float]


def ranges(
    raster: Any, bands: Sequence[int], scale: Range | str | None
) -> list[Range] | None:
    """Find for every band the values that become 0 and 255.

    Args:
        raster: An open dataset of rasterio.
        bands: Counted from 1.
        scale: The two values for all bands; ``'percentiles'`` for each band's 2nd and
            98th percentile, measured on an overview; None where the raster has 8 bits.

    Returns:
        One pair per band; None if the values are taken as they are.

    Raises:
        ValueError: If the raster has other than 8 bits and no scale is given, or the
            scale is none.
    """
    types = {raster.dtypes[band - 1] for band in bands}
    if any(np.dtype(name).kind == 'c' for name in types):
        raise ValueError(f'{raster.name}: complex numbers ({types}) are no image')
    if scale == 'percentiles':
        return percentiles(raster, bands)
    if scale is not None:
        return [_checked(scale)] * len(bands)
    if types == {'uint8'}:
        return None
    measured = ', '.join(f'{a:g} and {b:g}' for a, b in percentiles(raster, bands))
    raise ValueError(
        f'{raster.name}: the values are {"/".join(sorted(types))}, and the network was '
        'trained on 8 bits. Remedy: say which values are black and white, '
        'scale=(LOW, HIGH) (--scale LOW HIGH), the same for all rasters of one sensor; '
        f'the {PERCENTILES[0]:g}nd and {PERCENTILES[1]:g}th percentiles of the bands '
        f"are {measured}. Or scale='percentiles' (--scale percentiles) takes those"
    )


def _checked(scale: Range | str) -> Range:
    if isinstance(scale, str):
        raise ValueError(f"scale={scale!r}: expected (LOW, HIGH) or 'percentiles'")
    low, high = (float(value) for value in scale)
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f'scale={scale!r}: expected LOW < HIGH')
    return low, high


def percentiles(raster: Any, bands: Sequence[int]) -> list[Range]:
    """Measure the 2nd and the 98th percentile of every band.

    The raster's overviews are used where it has some, else every n-th pixel.

    Args:
        raster: An open dataset of rasterio.
        bands: Counted from 1.

    Raises:
        ValueError: If a band has no data, or one value only.
    """
    shrink = max(1, max(raster.shape) / OVERVIEW)
    size = tuple(max(1, round(side / shrink)) for side in raster.shape)
    found = []
    for band in bands:
        values = raster.read(band, out_shape=size, masked=True)
        values = values.compressed().astype(np.float64)
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, PERCENTILES) if values.size else (0, 0)
        if not low < high:
            raise ValueError(
                f'{raster.name}: band {band} has no contrast ({values.size} values, '
                f'the middle 96 % of them from {low:g} to {high:g}). Remedy: '
                'scale=(LOW, HIGH) (--scale LOW HIGH), or other bands'
            )
        found.append((float(low), float(high)))
    return found


def to_uint8(values: np.ndarray, scale: Sequence[Range] | None) -> np.ndarray:
    """Map values linearly to 0..255, rounded; beyond the range they are clipped.

    Args:
        values: ``(3, H, W)``.
        scale: The pair of each band, see :func:`ranges`; None leaves 8 bits as they
            are.

    Returns:
        ``(3, H, W)`` uint8; what is not a number becomes 0.
    """
    if scale is None:
        return values
    low, high = np.array(scale, dtype=np.float32).T[:, :, None, None]
    scaled = (values.astype(np.float32) - low) * (255 / (high - low))
    return np.nan_to_num(scaled).clip(0, 255).round().astype(np.uint8)
