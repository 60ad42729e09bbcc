"""Test pipelines of any transforms, by MMSegmentation's registry."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import Compose, LoadImageFromFile
from mmseg.datasets.transforms.loading import InferencerLoader
from mmseg.registry import TRANSFORMS

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

    def transform(self, single_input: str | np.ndarray | dict[str, Any]) -> dict:
        results = super().transform(single_input)
        if self.is_grey and results['img'].ndim == 3:
            results['img'] = cv2.cvtColor(results['img'], cv2.COLOR_BGR2GRAY)
        return results
