"""Which files are rasters with a place on the map, and no photos."""

import os
import warnings
from pathlib import Path

from PIL import Image

TIFF_SUFFIXES = ('.tif', '.tiff')
# Formats of GDAL that Pillow and OpenCV do not read.
RASTER_SUFFIXES = ('.img', '.ntf', '.vrt')
# Tags of GeoTIFF 1.1 (OGC 19-008r4, annex A) and RPCCoefficientTag.
GEOREFERENCE_TAGS = (33550, 33922, 34264, 34735, 50844)


def is_raster(path: str | os.PathLike) -> bool:
    """Tell whether a file is one for ``predict_raster``, by windows.

    True for TIFF files with a georeference in them and TIFF files that Pillow cannot
    read (many bands, 16-bit colours), and for ``.img``, ``.ntf`` and ``.vrt``. Only
    the header is read. A large photo is an image as well: its size decides.

    Args:
        path: Of a file.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in TIFF_SUFFIXES or not os.path.isfile(path):
        return suffix in RASTER_SUFFIXES
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return any(tag in image.tag_v2 for tag in GEOREFERENCE_TAGS)
    except Exception:  # Pillow's kinds of errors depend on the fault
        return os.path.getsize(path) > 0
