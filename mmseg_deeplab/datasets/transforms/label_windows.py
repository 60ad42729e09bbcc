"""Windows of label rasters that may be larger than memory."""

import numpy as np
from mmengine import fileio

from mmseg_deeplab.utils.data_file_errors import LabelSizeError
from mmseg_deeplab.utils.raster_reader import open_raster, read_window

from .label_checks import as_class_ids


def read_label_window(results: dict, backend_args: dict | None) -> np.ndarray:
    """Read the class ids ``(H, W)`` of a sample's window, uint8.

    The label has the size of its image. Its own nodata value means nothing.
    """
    path, size = results['seg_map_path'], results['raster_size']
    with (
        fileio.get_local_path(path, backend_args=backend_args) as local,
        open_raster(local, name=path) as raster,
    ):
        if raster.shape != tuple(size):
            raise LabelSizeError(
                f'{path}: the label is {raster.height}x{raster.width} pixels (H x W), '
                f'its image {size[0]}x{size[1]}. Remedy: export it on the grid of the '
                'image (gdalwarp -r near -te ... -ts ...)'
            )
        values, _ = read_window(raster, raster.indexes, *results['window'], name=path)
    return as_class_ids(values.transpose(1, 2, 0), path)
