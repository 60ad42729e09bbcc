"""Windows of a raster file as RGB images of 8 bits."""

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_deeplab.utils.data_file_errors import UnreadableFileError
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_formats import (
    START_LENGTH,
    check_tiles,
    image_format,
    read_header,
    why_unreadable,
)
from mmseg_deeplab.utils.optional_packages import optional_package

from .raster_windows import Span

TIFF_SUFFIXES = ('.tif', '.tiff')
# Formats of GDAL that neither Pillow nor OpenCV reads.
RASTER_SUFFIXES = ('.img', '.ntf', '.vrt')
# Tags of GeoTIFF 1.1 (OGC 19-008r4, annex A) and RPCCoefficientTag.
GEOREFERENCE_TAGS = (33550, 33922, 34264, 34735, 50844)
EXIF_ORIENTATION, UPRIGHT = 0x0112, 1
DEEP_MODES = ('I', 'F')  # of Pillow: 32 bits
# Formats -> drivers of GDAL, which has some hundred more and would try them all.
DRIVERS = {
    'TIFF': 'GTiff', 'JPEG': 'JPEG', 'PNG': 'PNG', 'BMP': 'BMP', 'GIF': 'GIF',
    'WEBP': 'WEBP', 'JPEG2000': 'JP2OpenJPEG', 'PPM': 'PNM',
}  # fmt: skip
RASTER_SIGNATURES = {
    b'EHFA_HEADER_TAG': 'HFA',
    b'NITF': 'NITF',
    b'NSIF': 'NITF',
    b'<VRTDataset': 'VRT',
}
COLOURS = ('red', 'green', 'blue')
# What viewers of maps (QGIS: "cumulative count cut") leave out at either end.
PERCENTILES = (2.0, 98.0)
# Longer side of the overview on which the percentiles are measured, px.
OVERVIEW = 1024

Range = tuple[float, float]


def is_raster(path: str | os.PathLike) -> bool:
    """Tell by suffix and header whether a file is one for ``predict_raster``.

    These are TIFF files with a georeference, those of 32 bits or that Pillow cannot
    read, and ``.img``, ``.ntf`` and ``.vrt``. Of a large photo its size decides.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TIFF_SUFFIXES or not os.path.isfile(path):
        return suffix in RASTER_SUFFIXES
    try:
        with Image.open(path, formats=('TIFF',)) as image:
            is_deep = image.mode in DEEP_MODES
            return is_deep or any(tag in image.tag_v2 for tag in GEOREFERENCE_TAGS)
    except Exception:  # Pillow's kinds of errors depend on the fault
        return os.path.getsize(path) > 0


def load_rasterio() -> Any:
    """Import rasterio without its warning that a file has no georeference."""
    rasterio = optional_package(
        'rasterio', extra='images', purpose='a raster or polygon'
    )
    kind = rasterio.errors.NotGeoreferencedWarning
    warnings.filterwarnings('ignore', category=kind)
    return rasterio


@contextmanager
def open_raster(path: str | os.PathLike) -> Iterator[Any]:
    """Open a raster with rasterio; ValueError if it is none, or holds several."""
    rasterio = load_rasterio()
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file. Remedy: check the path')
    driver = _driver(path)
    try:
        raster = rasterio.open(path, driver=driver)
        others = len(raster.subdatasets)
        _ = raster.colorinterp  # which raises what GDAL has found in other pages
    except Exception as error:  # some errors of GDAL have private classes
        raise InputError(
            f'{path}: not a readable raster ({error}). Remedy: download or export it '
            'again'
        ) from error
    with raster:
        if not raster.count:
            raise InputError(
                f'{path}: holds no bands but {others} rasters. Remedy: export one of '
                'them with gdal_translate'
            )
        if driver == DRIVERS['TIFF'] and others > 1:
            raise InputError(
                f'{path}: holds {others} images, and a file is one image. Remedy: '
                'split it (tiffsplit FILE)'
            )
        yield raster


def _driver(path: str) -> str:
    """Tell by its content which driver of GDAL may open a file, or refuse it."""
    with open(path, 'rb') as file:
        start = file.read(START_LENGTH)
    if known := image_format(start):
        if known == 'TIFF':
            with open(path, 'rb') as file:
                check_tiles(read_header(file, path), path)
        return DRIVERS[known]
    for signature, driver in RASTER_SIGNATURES.items():
        if start.lstrip().startswith(signature):
            return driver
    if path.lower().endswith('.img'):
        return 'ENVI'  # bare values, described by a text file beside them
    raise UnreadableFileError(why_unreadable(start, path, 'no raster of a known kind'))


class RasterReader:
    """Reads windows of three bands, and which of their pixels have data.

    ``bands`` and ``scale`` are those of :func:`predict_raster`.
    """

    def __init__(
        self,
        raster: Any,
        *,
        bands: Sequence[int] | None = None,
        scale: Range | str | None = None,
    ) -> None:
        _require_upright(raster.name)
        self.raster = raster
        self.scale = self._palette = None
        kinds = [kind.name for kind in raster.colorinterp]
        if bands is None and kinds[0] == 'palette' and raster.dtypes[0] == 'uint8':
            self.bands = (1,)
            self._palette = np.zeros((256, 3), dtype=np.uint8)
            for value, colour in raster.colormap(1).items():
                self._palette[value] = colour[:3]
        else:
            self.bands = _checked_bands(raster, kinds, bands)
            self.scale = _ranges(raster, self.bands, scale)

    def read(self, rows: Span, columns: Span) -> tuple[np.ndarray, np.ndarray]:
        """Read what a window covers: RGB ``(H, W, 3)`` uint8, and ``(H, W)`` bool.

        The latter is False, and the image black, where no chosen band has data.
        """
        rasterio = load_rasterio()
        window = rasterio.windows.Window.from_slices(
            (rows.start, rows.stop), (columns.start, columns.stop)
        )
        bands = sorted(set(self.bands))  # a grey band is read once
        try:
            values = self.raster.read(bands, window=window)
            masks = self.raster.read_masks(bands, window=window)
        except Exception as error:  # some errors of GDAL have private classes
            raise InputError(
                f'{self.raster.name}: rows {rows.start} to {rows.stop}, columns '
                f'{columns.start} to {columns.stop} cannot be read '
                f'({error.__cause__ or error}); the file is truncated or damaged. '
                'Remedy: copy or download it again'
            ) from error
        valid = masks.any(axis=0)
        if values.dtype.kind == 'f':  # for files that do not name their nodata value
            valid &= np.isfinite(values).any(axis=0)
        if self._palette is not None:
            image = self._palette[values[0]]
        else:
            image = self._to_uint8(values[[bands.index(band) for band in self.bands]])
        image = np.ascontiguousarray(image)
        image[~valid] = 0
        return image, valid

    def _to_uint8(self, values: np.ndarray) -> np.ndarray:
        """Map ``(3, H, W)`` linearly to ``(H, W, 3)`` 0..255; NaN becomes 0."""
        if self.scale is not None:
            low, high = np.array(self.scale, dtype=np.float32).T[:, :, None, None]
            values = (values.astype(np.float32) - low) * (255 / (high - low))
            values = np.nan_to_num(values).clip(0, 255).round().astype(np.uint8)
        return values.transpose(1, 2, 0)


def _checked_bands(
    raster: Any, kinds: Sequence[str], bands: Sequence[int] | None
) -> tuple[int, ...]:
    if bands is None:
        is_grey = raster.count - kinds.count('alpha') == 1
        named = [kinds.index(colour) + 1 for colour in COLOURS if colour in kinds]
        bands = (1, 1, 1) if is_grey else named if len(named) == 3 else (1, 2, 3)
    bands = tuple(bands)
    if len(bands) != 3 or not all(1 <= band <= raster.count for band in bands):
        raise InputError(
            f'{raster.name}: bands={bands} (--bands): expected the numbers of red, '
            f'green and blue; the raster has {raster.count} band(s), counted from 1: '
            f'{", ".join(kinds)}'
        )
    return bands


def _ranges(
    raster: Any, bands: Sequence[int], scale: Range | str | None
) -> list[Range] | None:
    """Find the values that become 0 and 255 in each band; None takes 8 bits as is."""
    types = {raster.dtypes[band - 1] for band in bands}
    if any(np.dtype(name).kind == 'c' for name in types):
        raise InputError(f'{raster.name}: complex numbers ({types}) are no image')
    if scale == 'percentiles':
        return _percentiles(raster, bands)
    if isinstance(scale, str):
        raise InputError(f"scale={scale!r}: expected (LOW, HIGH) or 'percentiles'")
    if scale is not None:
        low, high = map(float, scale)
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f'scale={scale!r}: expected LOW < HIGH')
        return [(low, high)] * len(bands)
    if types == {'uint8'}:
        return None
    measured = ', '.join(f'{a:g} and {b:g}' for a, b in _percentiles(raster, bands))
    raise InputError(
        f'{raster.name}: the values are {"/".join(sorted(types))}, and the network was '
        'trained on 8 bits. Remedy: say which values are black and white, '
        'scale=(LOW, HIGH) (--scale LOW HIGH), the same for all rasters of one sensor; '
        f'the {PERCENTILES[0]:g}nd and {PERCENTILES[1]:g}th percentiles of the bands '
        f"are {measured}. Or scale='percentiles' (--scale percentiles) takes those"
    )


def _percentiles(raster: Any, bands: Sequence[int]) -> list[Range]:
    """Measure the percentiles of each band, on overviews where there are some."""
    shrink = max(1, max(raster.shape) / OVERVIEW)
    size = tuple(max(1, round(side / shrink)) for side in raster.shape)
    found = []
    for band in bands:
        values = raster.read(band, out_shape=size, masked=True)
        values = values.compressed().astype(np.float64)
        values = values[np.isfinite(values)]
        low, high = np.percentile(values, PERCENTILES) if values.size else (0, 0)
        if not low < high:
            raise InputError(
                f'{raster.name}: band {band} has no contrast ({values.size} values, '
                f'the middle 96 % of them from {low:g} to {high:g}). Remedy: '
                'scale=(LOW, HIGH) (--scale LOW HIGH), or other bands'
            )
        found.append((float(low), float(high)))
    return found


def _require_upright(path: str) -> None:
    """Refuse a photo that its EXIF orientation turns; GDAL ignores that."""
    try:
        with Image.open(path, formats=('TIFF', 'JPEG', 'PNG', 'WEBP')) as image:
            orientation = image.getexif().get(EXIF_ORIENTATION, UPRIGHT)
    except Exception:  # not a format of Pillow's, so no photo
        return
    if orientation != UPRIGHT:
        raise InputError(
            f'{path}: is stored turned or mirrored (EXIF orientation {orientation}), '
            'which windows cannot undo. Remedy: turn the file itself (jpegtran, '
            'exiftran), or have it read as a whole (--max-pixels)'
        )
