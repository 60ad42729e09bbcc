"""Windows of a raster file: RGB images of 8 bits, or the bands that a network reads."""

import io
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from PIL import Image

from .data_file_errors import ImageBandsError, UnreadableFileError
from .errors import InputError
from .image_bands import ImageBands, Range
from .image_files import check_whole, read_file
from .image_formats import (
    MAX_PIXELS,
    START_LENGTH,
    check_header,
    check_tiles,
    image_format,
    read_header,
    why_unreadable,
)
from .optional_packages import optional_package

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

Window = tuple[slice, slice]  # rows and columns


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
def open_raster(path: str | os.PathLike, *, name: str = '') -> Iterator[Any]:
    """Open a raster with rasterio; InputError if it is none, or holds several.

    ``name`` is what messages call the file.
    """
    rasterio = load_rasterio()
    path = os.fspath(path)
    name = name or path
    if not os.path.exists(path):
        raise FileNotFoundError(f'{name}: no such file. Remedy: check the path')
    driver = _driver(path, name)
    try:
        raster = rasterio.open(path, driver=driver)
        others = len(raster.subdatasets)
        _ = raster.colorinterp  # which raises what GDAL has found in other pages
    except Exception as error:  # some errors of GDAL have private classes
        raise UnreadableFileError(
            f'{name}: not a readable raster ({error}). Remedy: download or export it '
            'again'
        ) from error
    with raster:
        if not raster.count:
            raise InputError(
                f'{name}: holds no bands but {others} rasters. Remedy: export one of '
                'them with gdal_translate'
            )
        if driver == DRIVERS['TIFF'] and others > 1:
            raise UnreadableFileError(
                f'{name}: holds {others} images, and a file is one image. Remedy: '
                'split it (tiffsplit FILE)'
            )
        yield raster


def _driver(path: str, name: str) -> str:
    """Tell by its content which driver of GDAL may open a file, or refuse it."""
    with open(path, 'rb') as file:
        start = file.read(START_LENGTH)
    if known := image_format(start):
        if known == 'TIFF':
            with open(path, 'rb') as file:
                check_tiles(read_header(file, name), name)
        return DRIVERS[known]
    for signature, driver in RASTER_SIGNATURES.items():
        if start.lstrip().startswith(signature):
            return driver
    if path.lower().endswith('.img'):
        return 'ENVI'  # bare values, described by a text file beside them
    raise UnreadableFileError(why_unreadable(start, name, 'no raster of a known kind'))


class RasterReader:
    """Reads windows of some bands, and which of their pixels have data.

    For a network of ``network`` channels these are its bands, with values from 0 to 255
    that are rounded only where the file has 8 bits. Without it they are red, green and
    blue in 8 bits. ``bands`` and ``scale``, which may say otherwise, are those of
    ``predict_raster``. ``name`` is what messages call the file.
    """

    def __init__(
        self,
        raster: Any,
        *,
        network: ImageBands | None = None,
        bands: Sequence[int] | None = None,
        scale: Range | str | None = None,
        name: str = '',
    ) -> None:
        self.name = name or raster.name
        _require_upright(raster.name, self.name)
        self.raster, self.network = raster, network
        self.scale = self._palette = None
        kinds = [kind.name for kind in raster.colorinterp]
        is_palette = kinds[0] == 'palette' and raster.dtypes[0] == 'uint8'
        if network is not None:
            self.bands = self._network_bands(kinds, bands)
            if scale is None and network.value_range is not None:
                self.scale = network.ranges()
        elif bands is None and is_palette:
            self.bands = (1,)
            self._palette = np.zeros((256, 3), dtype=np.uint8)
            for value, colour in raster.colormap(1).items():
                self._palette[value] = colour[:3]
        else:
            self.bands = _checked_bands(raster, kinds, bands)
        if self._palette is None and self.scale is None:
            self.scale = self._ranges(scale)

    def read(self, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """Read a window: RGB ``(H, W, 3)`` uint8 or the bands, and ``(H, W)`` bool.

        The latter is False where no chosen band has data (nodata value, mask, alpha
        band, or not a number); the image is black there.
        """
        bands = sorted(set(self.bands))  # a grey band is read once
        values, masks = read_window(self.raster, bands, rows, columns, name=self.name)
        valid = masks.any(axis=0)
        if values.dtype.kind == 'f':  # for files that do not name their nodata value
            valid &= np.isfinite(values).any(axis=0)
        if self._palette is not None:
            image = self._palette[values[0]]
        else:
            image = self._scaled(values[[bands.index(band) for band in self.bands]])
        image = np.ascontiguousarray(image)
        image[~valid] = 0
        return image, valid

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """Map ``(C, H, W)`` linearly to ``(H, W, C)`` 0..255; NaN becomes 0."""
        if self.scale is not None:
            low, high = np.array(self.scale, dtype=np.float32).T[:, :, None, None]
            values = (values.astype(np.float32) - low) * (255 / (high - low))
            values = np.nan_to_num(values).clip(0, 255)
            if self.network is None:
                values = values.round().astype(np.uint8)
        return values.transpose(1, 2, 0)

    def _network_bands(
        self, kinds: Sequence[str], bands: Sequence[int] | None
    ) -> tuple[int, ...]:
        wanted = self.network.numbers
        found, chosen = len(kinds) - kinds.count('alpha'), tuple(bands or wanted)
        takes_all = bands is None and isinstance(self.network.channels, int)
        if (
            len(chosen) != len(wanted)
            or not all(1 <= band <= len(kinds) for band in chosen)
            or (takes_all and found != len(wanted))
        ):
            raise ImageBandsError(
                f'{self.name}: has {found} band(s) ({", ".join(kinds)}), and the '
                f'network reads {len(wanted)}: {chosen}. Remedy: channels={found} in '
                f'the config, or the numbers of the bands to read, channels=(1, ...); '
                f'for a trained network --bands with {len(wanted)} numbers'
            )
        return chosen

    def _ranges(self, scale: Range | str | None) -> list[Range] | None:
        """Find the values that become 0 and 255; None takes 8 bits as they are."""
        raster, bands = self.raster, self.bands
        types = {raster.dtypes[band - 1] for band in bands}
        if any(np.dtype(name).kind == 'c' for name in types):
            raise InputError(f'{self.name}: complex numbers ({types}) are no image')
        if scale == 'percentiles':
            return _percentiles(raster, bands, self.name)
        if isinstance(scale, str):
            raise InputError(f"scale={scale!r}: expected (LOW, HIGH) or 'percentiles'")
        if scale is not None:
            low, high = map(float, scale)
            if not (np.isfinite([low, high]).all() and low < high):
                raise InputError(f'scale={scale!r}: expected LOW < HIGH')
            return [(low, high)] * len(bands)
        if types == {'uint8'}:
            return None
        measured = _percentiles(raster, bands, self.name)
        measured = ', '.join(f'{low:g} and {high:g}' for low, high in measured)
        remedy = (
            'value_range=(LOW, HIGH) in the config, the same for training and '
            'prediction'
            if self.network
            else 'scale=(LOW, HIGH) (--scale LOW HIGH), the same for all rasters of '
            "one sensor; or scale='percentiles' (--scale percentiles), the file's own"
        )
        raise ImageBandsError(
            f'{self.name}: the values are {"/".join(sorted(types))}, and those of a '
            'network are 0 to 255. Remedy: say which values are black and white, '
            f'{remedy}. The {PERCENTILES[0]:g}nd and {PERCENTILES[1]:g}th percentiles '
            f'of the bands are {measured}'
        )


def read_window(
    raster: Any, bands: Sequence[int], rows: slice, columns: slice, *, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Read the values ``(C, H, W)`` of a window and their masks, 0 for no data."""
    window = load_rasterio().windows.Window.from_slices(
        (rows.start, rows.stop), (columns.start, columns.stop)
    )
    try:
        values = raster.read(bands, window=window)
        return values, raster.read_masks(bands, window=window)
    except Exception as error:  # some errors of GDAL have private classes
        raise UnreadableFileError(
            f'{name}: rows {rows.start} to {rows.stop}, columns {columns.start} to '
            f'{columns.stop} cannot be read ({error.__cause__ or error}); the file is '
            'truncated or damaged. Remedy: copy or download it again'
        ) from error


def read_bands(
    path: str,
    bands: ImageBands,
    *,
    window: Window | None = None,
    max_pixels: int = MAX_PIXELS,
    name: str = '',
    backend_args: dict | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read the bands of an image file, or of a window of it.

    Returns the image ``(H, W, C)`` with values from 0 to 255, uint8 for files of 8 bits
    without a value range and else float32, and ``(H, W)`` bool: where there are data.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it cannot be read, or has other bands.
    """
    name = name or path
    with fileio.get_local_path(path, backend_args=backend_args) as local:
        if window is None:
            content = read_file(local, remedy='check the path')
            check_whole(content, name)
            check_header(read_header(io.BytesIO(content), name), name, max_pixels)
        with open_raster(local, name=name) as raster:
            reader = RasterReader(raster, network=bands, name=name)
            return reader.read(*(window or map(slice, (0, 0), raster.shape)))


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


def _percentiles(raster: Any, bands: Sequence[int], name: str) -> list[Range]:
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
                f'{name}: band {band} has no contrast ({values.size} values, '
                f'the middle 96 % of them from {low:g} to {high:g}). Remedy: '
                'scale=(LOW, HIGH) (--scale LOW HIGH), or other bands'
            )
        found.append((float(low), float(high)))
    return found


def _require_upright(path: str, name: str) -> None:
    """Refuse a photo that its EXIF orientation turns; GDAL ignores that."""
    try:
        with Image.open(path, formats=('TIFF', 'JPEG', 'PNG', 'WEBP')) as image:
            orientation = image.getexif().get(EXIF_ORIENTATION, UPRIGHT)
    except Exception:  # not a format of Pillow's, so no photo
        return
    if orientation != UPRIGHT:
        raise InputError(
            f'{name}: is stored turned or mirrored (EXIF orientation {orientation}), '
            'which is not undone here. Remedy: turn the file itself (jpegtran, '
            'exiftran)'
        )
