"""Windows of a raster file as RGB images of 8 bits."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from mmseg_deeplab.utils.optional_packages import optional_package

from .raster_scale import Range, ranges, to_uint8
from .raster_windows import Span

EXIF_ORIENTATION = 0x0112
UPRIGHT = 1


def load_rasterio() -> Any:
    """Import rasterio.

    Raises:
        ImportError: If it is not installed, with the remedy.
    """
    return optional_package('rasterio', extra='images', purpose='a large raster')


@contextmanager
def open_raster(path: str | os.PathLike) -> Iterator[Any]:
    """Open a raster with rasterio.

    Args:
        path: Of any format that GDAL reads by rows or tiles.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no raster, or holds several.
        ImportError: If rasterio is missing.
    """
    rasterio = load_rasterio()
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file. Remedy: check the path')
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
            raster = rasterio.open(path)
    except rasterio.errors.RasterioError as error:
        raise ValueError(
            f'{path}: not a readable raster ({error}). Remedy: download or export it '
            'again'
        ) from error
    with raster:
        if not raster.count:
            raise ValueError(
                f'{path}: holds no bands but {len(raster.subdatasets)} rasters. '
                'Remedy: export one of them with gdal_translate'
            )
        yield raster


class RasterReader:
    """Reads windows of three bands, and which of their pixels have data.

    Args:
        raster: An open dataset of rasterio.
        bands: Which bands are red, green and blue, counted from 1. None takes the first
            three; a grey raster's one band three times; a palette's colours.
        scale: See :func:`~mmseg_deeplab.inference.raster_scale.ranges`.

    Raises:
        ValueError: If the raster lacks the bands, or its values need a scale.
    """

    def __init__(
        self,
        raster: Any,
        *,
        bands: Sequence[int] | None = None,
        scale: Range | str | None = None,
    ) -> None:
        self.raster = raster
        self.palette = None
        if bands is None and _has_palette(raster):
            self.bands = (1,)
            self.palette = _colours(raster.colormap(1))
            self.scale = None
        else:
            self.bands = _checked_bands(raster, bands)
            self.scale = ranges(raster, self.bands, scale)
        _require_upright(raster.name)

    def read(self, rows: Span, columns: Span) -> tuple[np.ndarray, np.ndarray]:
        """Read what a window covers.

        Returns:
            RGB, ``(H, W, 3)`` uint8, and ``(H, W)`` bool: False where no chosen band
            has data (nodata value, mask, alpha band, or not a number); the image is
            black there.

        Raises:
            ValueError: If the file ends too early or is damaged.
        """
        rasterio = load_rasterio()
        window = rasterio.windows.Window.from_slices(
            (rows.start, rows.stop), (columns.start, columns.stop)
        )
        bands = sorted(set(self.bands))  # a grey band is read once
        try:
            values = self.raster.read(bands, window=window)
            masks = self.raster.read_masks(bands, window=window)
        except rasterio.errors.RasterioError as error:
            raise ValueError(
                f'{self.raster.name}: rows {rows.start} to {rows.stop}, columns '
                f'{columns.start} to {columns.stop} cannot be read '
                f'({error.__cause__ or error}); the file '
                'is truncated or damaged. Remedy: copy or download it again'
            ) from error
        valid = masks.any(axis=0)
        if values.dtype.kind == 'f':  # of files that leave their nodata value out
            valid &= np.isfinite(values).any(axis=0)
        return self._rgb(values[[bands.index(b) for b in self.bands]], valid), valid

    def _rgb(self, values: np.ndarray, valid: np.ndarray) -> np.ndarray:
        if self.palette is not None:
            image = self.palette[values[0]]
        else:
            image = to_uint8(values, self.scale).transpose(1, 2, 0)
        image = np.ascontiguousarray(image)
        image[~valid] = 0
        return image


def _has_palette(raster: Any) -> bool:
    names = [kind.name for kind in raster.colorinterp]
    return names[0] == 'palette' and raster.dtypes[0] == 'uint8'


def _colours(table: dict[int, Sequence[int]]) -> np.ndarray:
    colours = np.zeros((256, 3), dtype=np.uint8)
    for value, colour in table.items():
        colours[value] = colour[:3]
    return colours


def _checked_bands(raster: Any, bands: Sequence[int] | None) -> tuple[int, ...]:
    names = [kind.name for kind in raster.colorinterp]
    if bands is None:
        is_grey = raster.count - names.count('alpha') == 1
        bands = (1, 1, 1) if is_grey else (1, 2, 3)
    bands = tuple(bands)
    if len(bands) != 3 or not all(1 <= band <= raster.count for band in bands):
        raise ValueError(
            f'{raster.name}: bands={bands} (--bands): expected the numbers of red, '
            f'green and blue; the raster has {raster.count} band(s), counted from 1: '
            f'{", ".join(names)}'
        )
    return bands


def _require_upright(path: str) -> None:
    """Refuse a photo that its EXIF orientation turns; GDAL ignores that."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            with Image.open(path) as image:
                orientation = image.getexif().get(EXIF_ORIENTATION, UPRIGHT)
    except Exception:  # not a format of Pillow's, so no photo
        return
    if orientation != UPRIGHT:
        raise ValueError(
            f'{path}: is stored turned or mirrored (EXIF orientation {orientation}), '
            'which windows cannot undo. Remedy: turn the file itself (jpegtran, '
            'exiftran), or have it read as a whole (--max-pixels)'
        )
