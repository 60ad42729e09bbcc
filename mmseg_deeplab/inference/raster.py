"""Predict rasters larger than memory, window by window."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .predictor import Predictor
from .raster_files import RASTER_SUFFIXES, TIFF_SUFFIXES, is_raster
from .raster_reader import RasterReader, load_rasterio, open_raster
from .raster_scale import Range
from .raster_windows import (
    DEFAULT_OVERLAP,
    DEFAULT_WINDOW,
    Span,
    block_size,
    check_window,
    windows,
)
from .raster_writer import NODATA, label_raster, label_type, probability_raster

__all__ = ['RASTER_SUFFIXES', 'is_raster', 'predict_raster']

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

    Of each window only the part is kept that lies ``overlap`` or more from its sides;
    at the ends of the raster windows are flush with it. Windows begin at multiples of
    32 pixels, so that the grids of their features agree. Memory does not grow with the
    raster, but for files that are stored by rows (PNG, JPEG, TIFF in strips), whose
    rows are held ``window`` at a time.

    The labels equal those of the whole raster predicted at once where three things
    hold: the network sees no further than ``overlap`` (half its receptive field; that
    of a ResNet-101 is larger than any window in theory, and mostly smaller in effect);
    nothing in it pools the whole image (v3's and v3+'s image pooling sees its window
    instead); and the raster's sides have the size that the network's interpolation
    takes for even: multiples of the output stride with ``align_corners=False``, one
    more with ``align_corners=True``. A pipeline that resizes does so with every window.

    The output is a tiled, compressed GeoTIFF of class ids (uint8; uint16 with more
    than 255 classes) with the source's georeference (transform or control points,
    coordinate system, RPCs), the palette as colour table and the classes' names,
    window, overlap, bands and scale in the tags. Pixels where no chosen band has data
    are 255 (65535), its nodata value; the network sees them black.

    Args:
        predictor: What predicts a window.
        source: The raster.
        target: The GeoTIFF to write, ``.tif``; it appears when it is whole.
        window: Side of what the network sees, px: a multiple of 32; one more for
            ``align_corners=True``. By default 1024 or 1025, as the predictor's
            ``align_corners`` says if it has such.
        overlap: Margin that is thrown away on every side, px: a multiple of 32.
        bands: Red, green and blue, counted from 1. None takes the first three; of a
            grey raster its one band three times; the colours of a palette.
        scale: Which values become 0 and 255, linearly, where the raster has other than
            8 bits; or ``'percentiles'``: every band's 2nd and 98th, measured on an
            overview. It has no default, since rasters of one sensor must be scaled
            alike; the error tells the percentiles.
        batch_size: Windows that go through the predictor together.
        probabilities: Also write this GeoTIFF, float32, one band per class; ``4 K``
            bytes per pixel before compression.
        on_windows: Called with the number of windows that were done since the last
            call; :func:`~mmseg_deeplab.inference.raster_windows.count_windows`
            tells how many there are.

    Raises:
        FileNotFoundError: If there is no such raster.
        ValueError: If it cannot be read, lacks a band or needs a scale, or an argument
            is out of range.
        ImportError: If rasterio is missing.
    """
    if window is None:
        window = DEFAULT_WINDOW + bool(getattr(predictor, 'align_corners', False))
    check_window(window, overlap)
    if batch_size < 1:
        raise ValueError(f'batch_size must be 1 or more, received {batch_size!r}')
    for path in filter(None, (target, probabilities)):
        if Path(path).suffix.lower() not in TIFF_SUFFIXES:
            raise ValueError(f'{path}: the result is a GeoTIFF; name it .tif')
    with ExitStack() as stack:
        raster = stack.enter_context(open_raster(source))
        stack.enter_context(_gdal(raster, window))
        reader = RasterReader(raster, bands=bands, scale=scale)
        options = dict(
            classes=predictor.classes,
            block=block_size(window, overlap),
            tags=_tags(reader, window=window, overlap=overlap),
        )
        labels = stack.enter_context(
            label_raster(target, raster, palette=predictor.palette, **options)
        )
        scores = None
        if probabilities is not None:
            scores = stack.enter_context(
                probability_raster(probabilities, raster, **options)
            )
        places = windows(raster.shape, window=window, overlap=overlap)
        while batch := list(islice(places, batch_size)):
            _predict_batch(predictor, reader, batch, labels, scores)
            if on_windows is not None:
                on_windows(len(batch))


def _predict_batch(
    predictor: Predictor,
    reader: RasterReader,
    batch: Sequence[tuple[Span, Span]],
    labels: Any,
    scores: Any | None,
) -> None:
    """Read some windows, predict those that hold data, write what they keep."""
    pieces = [reader.read(*place) for place in batch]
    images = [image for image, valid in pieces if valid.any()]
    found = iter(
        predictor.predict(images, probabilities=scores is not None) if images else ()
    )
    for place, (_, valid) in zip(batch, pieces, strict=True):
        prediction = next(found) if valid.any() else None
        shape, dtype = valid.shape, label_type(len(predictor.classes))
        values = prediction.labels if prediction else np.zeros(shape, np.uint8)
        ids = np.where(valid, values.astype(dtype), np.array(NODATA[dtype], dtype))
        _write(labels, ids[None], place)
        if scores is None:
            continue
        empty = np.full((len(predictor.classes), *shape), np.nan, np.float32)
        values = prediction.probabilities if prediction else empty
        _write(scores, np.where(valid, values, np.float32(np.nan)), place)


def _write(raster: Any, values: np.ndarray, place: tuple[Span, Span]) -> None:
    """Write the kept part of a window's ``(C, H, W)``."""
    rows, columns = place
    window = load_rasterio().windows.Window.from_slices(
        (rows.keep_start, rows.keep_stop), (columns.keep_start, columns.keep_stop)
    )
    raster.write(values[:, rows.inner, columns.inner], window=window)


def _gdal(raster: Any, window: int) -> Any:
    """Return GDAL's settings: a small cache, and no half-read JPEG."""
    return load_rasterio().Env(
        GDAL_CACHEMAX=_cache_size(raster, window), GDAL_ERROR_ON_LIBJPEG_WARNING=True
    )


def _cache_size(raster: Any, window: int) -> int:
    """Return what GDAL may hold of decoded tiles, bytes.

    Of tiles, those of a few windows. Of a file that is stored by rows, the rows of two:
    else every window in a row would decode them again, those of a PNG from the start.
    """
    height, width = raster.block_shapes[0]
    columns = min(raster.width, width if width == raster.width else 4 * window + width)
    itemsize = sum(np.dtype(name).itemsize for name in raster.dtypes)
    return CACHE + (2 * window + height) * columns * itemsize


def _tags(reader: RasterReader, *, window: int, overlap: int) -> dict[str, str]:
    """Say in the file how it was made."""
    scale = 'none' if reader.scale is None else str(reader.scale)
    return dict(
        SOURCE=os.path.basename(reader.raster.name),
        BANDS=','.join(map(str, reader.bands)),
        SCALE_TO_8_BITS=scale,
        WINDOW=str(window),
        OVERLAP=str(overlap),
    )
