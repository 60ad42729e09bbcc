"""GeoTIFF files of labels and probabilities in the place of their source."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.streamed_file import streamed_file

from .overlay import IGNORED
from .raster_reader import load_rasterio

# In 8 bits the host's ignored label; it must be no class.
NODATA = {'uint8': 255, 'uint16': 65535}


def label_type(num_classes: int) -> str:
    """Return the smallest type that holds all classes and a value for "no data"."""
    return 'uint8' if num_classes <= NODATA['uint8'] else 'uint16'


@contextmanager
def label_raster(
    path: str | Path,
    source: Any,
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    block: int,
    tags: dict[str, str],
) -> Iterator[Any]:
    """Create a raster of class ids where its source lies.

    One band, tiled, compressed without loss, with the palette as colour table; classes
    are named in the tags ``CLASS_0``, ``CLASS_1``, ... and, as JSON, ``CLASSES``.

    Args:
        path: The final name, whole or not there.
        source: An open dataset of rasterio, whose georeference is taken over.
        classes: Names of the K classes.
        palette: Their RGB colours.
        block: Side of the tiles, a multiple of 16.
        tags: More of them.

    Yields:
        The dataset, open for writing.
    """
    dtype = label_type(len(classes))
    with _geotiff(
        path, source, count=1, dtype=dtype, nodata=NODATA[dtype], block=block
    ) as raster:
        colours = {value: (*map(int, c), 255) for value, c in enumerate(palette)}
        raster.write_colormap(1, colours | {NODATA[dtype]: (*IGNORED, 0)})
        names = {f'CLASS_{index}': name for index, name in enumerate(classes)}
        raster.update_tags(CLASSES=json.dumps(list(classes)), **names, **tags)
        raster.set_band_description(1, 'class')
        yield raster


@contextmanager
def probability_raster(
    path: str | Path,
    source: Any,
    *,
    classes: Sequence[str],
    block: int,
    tags: dict[str, str],
) -> Iterator[Any]:
    """Create a raster of float32 with one band per class; "no data" is NaN.

    Args:
        path: The final name, whole or not there.
        source: An open dataset of rasterio, whose georeference is taken over.
        classes: Names of the K classes, which the bands get.
        block: Side of the tiles, a multiple of 16.
        tags: Of the file.

    Yields:
        The dataset, open for writing.
    """
    with _geotiff(
        path, source, count=len(classes), dtype='float32', nodata=np.nan, block=block
    ) as raster:
        for band, name in enumerate(classes, start=1):
            raster.set_band_description(band, name)
        raster.update_tags(**tags)
        yield raster


@contextmanager
def _geotiff(
    path: str | Path,
    source: Any,
    *,
    count: int,
    dtype: str,
    nodata: float,
    block: int,
) -> Iterator[Any]:
    rasterio = load_rasterio()
    profile = dict(
        driver='GTiff',
        width=source.width,
        height=source.height,
        count=count,
        dtype=dtype,
        nodata=nodata,
        tiled=True,
        blockxsize=block,
        blockysize=block,
        compress='deflate',
        # Differences of neighbours pack real numbers better, but not ids of classes.
        predictor=3 if dtype == 'float32' else 1,
        # A TIFF of 32-bit offsets ends at 4 GiB, and how far packing goes is unknown.
        BIGTIFF='IF_SAFER',
    )
    with streamed_file(path) as part:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
            raster = rasterio.open(part, 'w', **profile)
        with raster:
            _copy_georeference(source, raster)
            yield raster


def _copy_georeference(source: Any, target: Any) -> None:
    """Take over control points or transform, system, RPCs, and what a pixel means."""
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
    meaning = source.tags().get('AREA_OR_POINT')
    if meaning:
        target.update_tags(AREA_OR_POINT=meaning)
