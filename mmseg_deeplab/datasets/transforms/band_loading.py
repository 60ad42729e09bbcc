"""Load the bands of an image file, or of a window of it."""

from collections.abc import Sequence

import numpy as np
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.utils.image_bands import ImageBands, Range
from mmseg_deeplab.utils.raster_reader import read_bands

from .checked_loading import LoadCheckedImage


@TRANSFORMS.register_module()
class LoadBands(LoadCheckedImage):
    """Load an image of any number of channels by rasterio, in the order of its bands.

    The values are 0 to 255, of the type float32 where there is a ``value_range``.
    Where the file has no data (nodata value, mask, alpha band, not a number in all
    bands) they are 0, and labels that are loaded after the image become the ignored
    index. Of a sample with a ``window`` (see :class:`~mmseg_deeplab.datasets
    .FolderDataset`) only the window is read.

    Args:
        channels, value_range, shown_bands: See
            :class:`~mmseg_deeplab.utils.image_bands.ImageBands`.
        **kwargs: Passed to the base class: ``backend_args``, ``ignore_empty``.
    """

    def __init__(
        self,
        channels: int | Sequence[int],
        value_range: Range | Sequence[Range] | None = None,
        shown_bands: Sequence[int] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.bands = ImageBands(channels, value_range, shown_bands)

    def _load(self, results: dict) -> np.ndarray:
        image, results['has_data'] = read_bands(
            results['img_path'],
            self.bands,
            window=results.get('window'),
            backend_args=self.backend_args,
        )
        return image
