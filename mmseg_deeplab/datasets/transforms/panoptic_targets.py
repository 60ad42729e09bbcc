"""What Panoptic-DeepLab learns from a map of panoptic ids."""

from collections.abc import Sequence

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, Pad, to_tensor
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.ops.panoptic_ids import (
    IGNORED_CLASS,
    LABEL_DIVISOR,
    VOID_ID,
    class_map,
)
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

from .label_packing import LeanPackSegInputs

TARGETS = ('center', 'center_weight', 'offset', 'offset_weight', 'semantic_weight')
ROUNDING = {'even': np.rint, 'down': np.floor}


@TRANSFORMS.register_module()
class GeneratePanopticTargets(BaseTransform):
    """Heat of the centres, offsets to them, and the weight of each pixel.

    Section 3.2 of the Panoptic-DeepLab paper (https://arxiv.org/abs/1911.10194), with
    the rules of its implementation in detectron2 by default. The centre of an instance
    is the mean of its pixels after augmentation; so this transform stands behind all
    transforms that move or pad pixels, and before ``PackPanopticInputs``. It reads
    ``gt_panoptic_seg`` and sets ``gt_seg_map`` to its classes, and in float32:

    - ``center``, ``(1, H, W)``: a Gaussian around each centre, the maximum of all;
    - ``offset``, ``(2, H, W)``: rows and columns from a pixel to the centre of its
      instance, 0 elsewhere;
    - ``center_weight``, ``(1, H, W)``: 1 on labelled pixels, stuff too; 0 on void and
      crowds;
    - ``offset_weight``, ``(1, H, W)``: 1 on instances;
    - ``semantic_weight``, ``(1, H, W)``: larger on small instances.

    Args:
        thing_classes: Classes that have instances; None takes those of the data set.
        sigma: Width of the Gaussian in pixels: 8 in the paper, 10 in detectron2's
            configs for Cityscapes.
        small_instance_area: Instances of fewer pixels are small.
        small_instance_weight: Semantic weight of their pixels.
        ignore_crowd_in_semantic: Whether the semantic loss leaves out crowds.
        ignore_stuff_in_offset: Whether the offsets of stuff have no weight. Otherwise
            stuff learns offsets of 0.
        crowd_centers: Whether a crowd gets a centre, offsets and the weight of small
            instances, as in detectron2 and bowenc0221/panoptic-deeplab. Its Gaussian
            reaches into neighbours that have a weight. deeplab2 leaves it out.
        rounding: How the middle of a Gaussian becomes a pixel: ``'even'`` rounds a half
            to the even number, as in detectron2 and deeplab2; ``'down'`` cuts it off,
            as in bowenc0221/panoptic-deeplab.
    """

    def __init__(
        self,
        thing_classes: Sequence[int] | None = None,
        sigma: float = 8,
        small_instance_area: int = 4096,
        small_instance_weight: float = 3,
        ignore_crowd_in_semantic: bool = False,
        ignore_stuff_in_offset: bool = True,
        crowd_centers: bool = False,
        rounding: str = 'even',
    ) -> None:
        require_one_of('rounding', rounding, ROUNDING)
        self.thing_classes = thing_classes
        self.sigma = sigma
        self.small_instance_area = small_instance_area
        self.small_instance_weight = small_instance_weight
        self.ignore_crowd_in_semantic = ignore_crowd_in_semantic
        self.ignore_stuff_in_offset = ignore_stuff_in_offset
        self.crowd_centers = crowd_centers
        self.rounding = rounding
        # 6 sigma + 3 pixels wide, as in both implementations of the authors.
        self.radius = int(3 * sigma + 1)
        line = np.arange(-self.radius, self.radius + 1, dtype=float) ** 2
        bell = np.exp(-(line[:, None] + line) / (2 * sigma**2))
        self.bell = bell.astype(np.float32)

    def transform(self, results: dict) -> dict:
        ids = results['gt_panoptic_seg']
        _check_size(ids, results)
        things = self.thing_classes
        things = results['thing_classes'] if things is None else things
        classes, is_thing = class_map(ids), np.zeros(256, bool)
        is_thing[list(things)] = True
        is_thing = is_thing[classes]
        crowd = is_thing & (ids % LABEL_DIVISOR == 0)
        instance = is_thing if self.crowd_centers else is_thing & ~crowd
        center, offset, small = self._instances(ids, instance)
        counts = (classes != IGNORED_CLASS) & ~crowd
        offset_counts = counts & is_thing if self.ignore_stuff_in_offset else counts
        if self.ignore_crowd_in_semantic:
            classes[crowd] = IGNORED_CLASS
        results['gt_seg_map'] = classes
        results['center'], results['offset'] = center[None], offset
        results['center_weight'] = counts[None].astype(np.float32)
        results['offset_weight'] = offset_counts[None].astype(np.float32)
        results['semantic_weight'] = np.where(
            small[None], np.float32(self.small_instance_weight), np.float32(1)
        )
        return results

    def _instances(self, ids: np.ndarray, instance: np.ndarray) -> tuple:
        """Return heat, offsets, and which pixels belong to small instances."""
        center = np.zeros(ids.shape, np.float32)
        offset = np.zeros((2, *ids.shape), np.float32)
        small = np.zeros(ids.shape, bool)
        where = np.nonzero(instance)
        found, number = np.unique(ids[where], return_inverse=True)
        if not len(found):
            return center, offset, small
        area = np.bincount(number)
        means = [np.bincount(number, weights=places) / area for places in where]
        for mean, places, direction in zip(means, where, offset, strict=True):
            direction[where] = mean[number] - places
        small[where] = (area < self.small_instance_area)[number]
        for row, column in ROUNDING[self.rounding](means).astype(int).T:
            self._add_bell(center, row, column)
        return center, offset, small

    def _add_bell(self, center: np.ndarray, row: int, column: int) -> None:
        """Put the Gaussian around a pixel, cut off at the borders of the image."""
        inside, part = [], []
        for middle, length in zip((row, column), center.shape, strict=True):
            first = max(middle - self.radius, 0)
            last = min(middle + self.radius + 1, length)
            inside.append(slice(first, last))
            shift = middle - self.radius
            part.append(slice(first - shift, last - shift))
        window = center[tuple(inside)]
        np.maximum(window, self.bell[tuple(part)], out=window)


def _check_size(ids: np.ndarray, results: dict) -> None:
    size = results['img'].shape[:2] if 'img' in results else ids.shape
    if ids.shape != size:
        raise InputError(
            f'{results.get("img_path")}: the image is {size[0]}x{size[1]} pixels '
            f'(H x W), its panoptic ids {ids.shape[0]}x{ids.shape[1]}. Remedy: put '
            'LoadPanopticAnnotations before all transforms that change the size, and '
            'use PadPanopticInputs in place of Pad'
        )


@TRANSFORMS.register_module()
class PadPanopticInputs(Pad):
    """``Pad`` for the image and all its maps; padded pixels are void.

    mmcv's ``Pad`` leaves ``gt_panoptic_seg`` as it is. The arguments are those of the
    base class: ``size`` (width, height), ``size_divisor``, ``pad_to_square``,
    ``pad_val`` for the image.
    """

    def _pad_seg(self, results: dict) -> None:
        for name in results.get('seg_fields', []):
            results[name] = mmcv.impad(
                results[name], shape=results['pad_shape'][:2], pad_val=VOID_ID
            )


@TRANSFORMS.register_module()
class PackPanopticInputs(LeanPackSegInputs):
    """``LeanPackSegInputs`` that keeps panoptic ids and the targets made from them.

    ``gt_panoptic_seg`` becomes a ``PixelData`` of this name with ``(1, H, W)`` int32.
    The targets of :class:`GeneratePanopticTargets`, if there are any, become the fields
    of one ``PixelData`` with the name ``gt_panoptic_targets``. The
    loss pads them where the images of a batch have different sizes.
    """

    def transform(self, results: dict) -> dict:
        packed = super().transform(results)
        sample = packed['data_samples']
        if 'gt_panoptic_seg' in results:
            ids = to_tensor(results['gt_panoptic_seg'].astype(np.int32)[None])
            sample.set_data(dict(gt_panoptic_seg=PixelData(data=ids)))
        if 'center' in results:
            targets = {name: to_tensor(results[name]) for name in TARGETS}
            sample.set_data(dict(gt_panoptic_targets=PixelData(**targets)))
        return packed
