"""Predict rasters larger than memory, window by window, into a GeoTIFF."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.atomic_files import streamed_file
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import Range
from mmseg_deeplab.utils.raster_reader import (
    TIFF_SUFFIXES,
    RasterReader,
    load_rasterio,
    open_raster,
)
from mmseg_deeplab.utils.value_checks import require_at_least

from .overlay import IGNORED
from .predictor import Predictor
from .raster_windows import DEFAULT_OVERLAP, DEFAULT_WINDOW, Span, WindowGrid

# 255 is MMSegmentation's ignored label in 8 bits, so no class may have this id.
NODATA = {'uint8': 255, 'uint16': 65535, 'float32': np.nan}
# What GDAL may hold besides the tiles of the source, bytes.
CACHE = 8 << 20


def predict_raster(
    predictor: Predictor,
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    window: int | None = None,
    overlap: int = DEFAULT_OVERLAP,
    bands: Sequence[int] | None = None,
    scale: Range | str | None = None,
    batch_size: int = 1,
    probabilities: str | os.PathLike | None = None,
    on_windows: Callable[[int], None] | None = None,
) -> None:
    """Predict a GeoTIFF, or any raster that GDAL reads, by overlapping windows.

    Of each window the part is kept that lies ``overlap`` or more from its sides, unless
    these are the raster's. docs/inference.md says when the labels equal those of the
    whole raster predicted at once, and what memory files need that are stored by rows.

    The output is a tiled, compressed GeoTIFF of class ids (uint8; uint16 with more
    than 255 classes) with the source's georeference, a colour table, and in the tags
    how it was made. Pixels where no chosen band has data are 255 (65535), its nodata
    value; the network sees them black.

    Args:
        predictor: What predicts a window.
        source: The raster.
        target: The ``.tif`` to write; it appears when it is whole.
        window: Side of a window, px: a multiple of 32, for ``align_corners=True`` one
            more. By default 1024 or 1025, after the predictor's ``align_corners``.
        overlap: Margin that is thrown away on every side, px: a multiple of 32.
        bands: Which bands are red, green and blue, counted from 1. By default those
            that the file calls so, else the first three, or what a grey or palette
            raster has; for a network of other channels those of its config.
        scale: Which two values become 0 and 255 in all bands, where there are not 8
            bits and the config of the network does not say it; ``'percentiles'`` takes
            each band's 2nd and 98th. There is no default, since rasters of one sensor
            must be scaled alike.
        batch_size: Windows that go through the predictor together.
        probabilities: Also write this GeoTIFF, float32, one band per class.
        on_windows: Called with the number of windows done since the last call.

    Raises:
        ValueError: If the raster cannot be read, lacks a band or needs a ``scale``, if
            an output is not named ``.tif``, or if an argument is out of range.
    """
    grid = WindowGrid(window or DEFAULT_WINDOW + predictor.align_corners, overlap)
    require_at_least(1, batch_size=batch_size)
    wanted = _outputs(target, probabilities, len(predictor.classes))
    with ExitStack() as stack:
        raster = stack.enter_context(_open(source, grid.window))
        reader = RasterReader(raster, network=predictor.bands, bands=bands, scale=scale)
        outputs = [
            stack.enter_context(_geotiff(path, reader, predictor, grid, dtype))
            for path, dtype in wanted.items()
        ]
        places = grid.windows(raster.shape)
        while batch := list(islice(places, batch_size)):
            _predict_batch(predictor, reader, batch, *outputs)
            if on_windows is not None:
                on_windows(len(batch))


def _outputs(
    target: str | os.PathLike, probabilities: str | os.PathLike | None, classes: int
) -> dict[str | os.PathLike, str]:
    """Return the type of the values of each file to write."""
    dtypes = {target: 'uint8' if classes <= NODATA['uint8'] else 'uint16'}
    if probabilities:
        dtypes[probabilities] = 'float32'
    for path in dtypes:
        if Path(path).suffix.lower() not in TIFF_SUFFIXES:
            raise InputError(f'{path}: the result is a GeoTIFF; name it .tif')
    return dtypes


@contextmanager
def _open(source: str | os.PathLike, window: int) -> Iterator[Any]:
    """Open a raster with a cache that suits the windows."""
    with (
        open_raster(source) as raster,
        load_rasterio().Env(
            GDAL_CACHEMAX=_cache_size(raster, window),
            GDAL_ERROR_ON_LIBJPEG_WARNING=True,  # no half-read JPEG
        ),
    ):
        yield raster


def _predict_batch(
    predictor: Predictor,
    reader: RasterReader,
    batch: Sequence[tuple[Span, Span]],
    labels: Any,
    probabilities: Any | None = None,
) -> None:
    """Read some windows, predict those that hold data, write what they keep."""
    windows = [reader.read(rows.outer, columns.outer) for rows, columns in batch]
    images = [image for image, valid in windows if valid.any()]
    wants_both = probabilities is not None
    found = iter(predictor.predict(images, probabilities=wants_both) if images else ())
    for place, (_, valid) in zip(batch, windows, strict=True):
        prediction = next(found) if valid.any() else None
        _write(labels, prediction and prediction.labels[None], valid, place)
        if wants_both:
            _write(probabilities, prediction and prediction.probabilities, valid, place)


def _write(
    raster: Any,
    values: np.ndarray | None,
    valid: np.ndarray,
    place: tuple[Span, Span],
) -> None:
    """Write the kept part of a window's ``(C, H, W)`` where it holds data."""
    rows, columns = place
    written = np.full((raster.count, *valid.shape), raster.nodata, raster.dtypes[0])
    if values is not None:
        written[:, valid] = values[:, valid]
    window = load_rasterio().windows.Window.from_slices(
        (rows.keep_start, rows.keep_stop), (columns.keep_start, columns.keep_stop)
    )
    raster.write(written[:, rows.inner, columns.inner], window=window)


def _cache_size(raster: Any, window: int) -> int:
    """Return what GDAL may hold of decoded tiles, bytes: two rows of windows.

    Of a file stored by rows, every window would else decode them again.
    """
    height, width = raster.block_shapes[0]
    columns = min(raster.width, width if width == raster.width else 4 * window + width)
    itemsize = sum(np.dtype(name).itemsize for name in raster.dtypes)
    return CACHE + (2 * window + height) * columns * itemsize


@contextmanager
def _geotiff(
    path: str | os.PathLike,
    reader: RasterReader,
    predictor: Predictor,
    grid: WindowGrid,
    dtype: str,
) -> Iterator[Any]:
    """Create a tiled GeoTIFF in the place of its source that says how it was made.

    Of float32 it holds the probabilities, NaN for "no data"; else class ids.
    """
    source, classes = reader.raster, predictor.classes
    is_float = dtype == 'float32'
    profile = dict(
        driver='GTiff', width=source.width, height=source.height, dtype=dtype,
        count=len(classes) if is_float else 1, nodata=NODATA[dtype], tiled=True,
        blockxsize=grid.block, blockysize=grid.block, compress='deflate',
        # Differences of neighbours compress real numbers better, but not class ids.
        predictor=3 if is_float else 1,
        # A TIFF of 32-bit offsets ends at 4 GiB, and the size is not known beforehand.
        BIGTIFF='IF_SAFER',
    )  # fmt: skip
    with (
        streamed_file(path) as part,
        load_rasterio().open(part, 'w', **profile) as raster,
    ):
        _copy_georeference(source, raster)
        tags = dict(
            SOURCE=os.path.basename(source.name),
            BANDS=','.join(map(str, reader.bands)),
            SCALE_TO_8_BITS=str(reader.scale or 'none'),
            WINDOW=str(grid.window),
            OVERLAP=str(grid.overlap),
        )
        if not is_float:
            colours = {i: (*rgb, 255) for i, rgb in enumerate(predictor.palette)}
            raster.write_colormap(1, colours | {NODATA[dtype]: (*IGNORED, 0)})
            tags |= {f'CLASS_{index}': name for index, name in enumerate(classes)}
            tags['CLASSES'] = json.dumps(list(classes))
        raster.update_tags(**tags)
        for band, name in enumerate(classes if is_float else ['class'], start=1):
            raster.set_band_description(band, name)
        yield raster


def _copy_georeference(source: Any, target: Any) -> None:
    """Copy control points or transform, the system, RPCs, and what a pixel means."""
    points, system = source.gcps
    if points:
        target.gcps = (points, system)
    else:
        if not source.transform.is_identity:
            target.transform = source.transform
        if source.crs is not None:
            target.crs = source.crs
    if source.rpcs is not None:
        target.rpcs = source.rpcs
    if meaning := source.tags().get('AREA_OR_POINT'):
        target.update_tags(AREA_OR_POINT=meaning)
