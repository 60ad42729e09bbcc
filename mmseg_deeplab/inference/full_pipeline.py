"""Test pipelines of any transforms, by MMSegmentation's registry."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import Compose, LoadImageFromFile
from mmseg.datasets.transforms.loading import InferencerLoader, LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.utils.errors import InputError


def build_full_pipeline(steps: Sequence[dict[str, Any]]) -> Compose:
    """Build a pipeline without the transforms that load the ground truth.

    It takes the path of an image, a BGR array, or a dict with ``img_path`` or ``img``.
    """
    kept = _without_ground_truth(steps)
    if not kept or not _is_a(kept[0], LoadImageFromFile):
        raise InputError(
            'test_dataloader.dataset.pipeline must begin with LoadCheckedImage, '
            f'LoadImageFromFile or a class derived from it, received {kept[:1]}'
        )
    return Compose([_Loader(kept[0]), *kept[1:]])


def _without_ground_truth(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = []
    for step in steps:
        if _is_a(step, LoadAnnotations):
            continue
        if 'transforms' in step:
            step = dict(step, transforms=_branches(step['transforms']))
        kept.append(dict(step))
    return kept


def _branches(branches: Sequence) -> list:
    if not all(isinstance(branch, list | tuple) for branch in branches):
        return _without_ground_truth(branches)
    # TestTimeAug would make no view at all with an empty branch.
    return [kept for branch in branches if (kept := _without_ground_truth(branch))]


def _is_a(step: dict[str, Any], kind: type) -> bool:
    found = step['type']
    found = TRANSFORMS.get(found) if isinstance(found, str) else found
    return isinstance(found, type) and issubclass(found, kind)


class _Loader(InferencerLoader):
    """Takes paths, BGR arrays and dicts, and reads files with the config's loader.

    Where that loader reads grey images, arrays become grey, too.
    """

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
