"""Outlines of the areas in a predicted raster."""

from typing import Any

from mmseg_deeplab.utils.raster_reader import load_rasterio

from .input_files import InputFile
from .output_files import FileOutputs
from .polygon_files import background
from .polygons import trace
from .predictor import Predictor


def outline_raster(predictor: Predictor, item: InputFile, outputs: FileOutputs) -> None:
    """Write the outlines of a raster whose labels are written."""
    rasterio = load_rasterio()
    path = outputs.path(item, 'labels', '.tif')
    with rasterio.open(path) as raster:
        left_out = {*background(predictor.classes), int(raster.nodata)}
        band, from_map = rasterio.band(raster, 1), ~raster.transform
        outputs.write_areas(
            item,
            trace(band, left_out, outputs.simplify, from_map),
            size=raster.shape,
            classes=predictor.classes,
            palette=predictor.palette,
            transform=raster.transform,
            system=_name(raster.crs),
        )


def _name(system: Any) -> str | None:
    """Return the name of a coordinate system, of one without a number its WKT."""
    if not system:
        return None
    authority = system.to_authority()
    if authority:
        return 'urn:ogc:def:crs:{}::{}'.format(*authority)
    return system.to_wkt()
