"""Test pipelines of any transforms, by MMSegmentation's registry."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import Compose, LoadImageFromFile
from mmseg.datasets.transforms.loading import InferencerLoader
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.config.image_channels import image_bands
from mmseg_deeplab.config.option_check import is_derived
from mmseg_deeplab.config.unlabelled_test import without_labels
from mmseg_deeplab.utils.errors import InputError


def build_full_pipeline(steps: Sequence[dict[str, Any]]) -> Compose:
    """Build a pipeline without the transforms that load the ground truth.

    It takes the path of an image, a BGR array, or a dict with ``img_path`` or ``img``.
    """
    kept = without_labels(steps)
    if not kept or not is_derived(kept[0]['type'], LoadImageFromFile, TRANSFORMS):
        raise InputError(
            'test_dataloader.dataset.pipeline must begin with LoadCheckedImage, '
            f'LoadImageFromFile or a class derived from it, received {kept[:1]}'
        )
    return Compose([_Loader(kept[0]), *kept[1:]])


class _Loader(InferencerLoader):
    """Takes paths, BGR arrays and dicts, and reads files with the config's loader."""

    def __init__(self, step: dict[str, Any]) -> None:
        from_file = TRANSFORMS.build(step)
        super().__init__(to_float32=from_file.to_float32)
        self.from_file = from_file
        self.is_grey = from_file.color_type.startswith('grayscale')
        self.has_bands = image_bands(step) is not None

    def transform(self, single_input: str | np.ndarray | dict[str, Any]) -> dict:
        if isinstance(single_input, np.ndarray) and not self.has_bands:
            self._check(single_input)
        results = super().transform(single_input)
        if self.is_grey and results['img'].ndim == 3:
            results['img'] = cv2.cvtColor(results['img'], cv2.COLOR_BGR2GRAY)
        return results

    def _check(self, image: np.ndarray) -> None:
        """Raise InputError for an array that has not the form of an 8-bit image."""
        shapes = '(H, W) or (H, W, 3)' if self.is_grey else '(H, W, 3)'
        is_image = image.shape[2:] == (3,) or (self.is_grey and image.ndim == 2)
        is_known = image.dtype == np.uint8 or np.issubdtype(image.dtype, np.floating)
        if not (is_image and is_known and image.size):
            raise InputError(
                f'an array must be BGR, {shapes}, uint8 or floats of 0 to 255, '
                f'received {image.dtype} {image.shape}. Remedy: convert it, or give '
                'the path'
            )
