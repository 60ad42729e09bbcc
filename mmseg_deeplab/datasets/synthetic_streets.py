"""SyntheticStreets: street scenes that are drawn when they are asked for."""

from collections.abc import Callable, Sequence

import numpy as np
from mmcv.transforms import LoadAnnotations
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.ops.panoptic_ids import (
    LABEL_DIVISOR,
    class_map,
    panoptic_ids,
    thing_indices,
)

from .street_scenes import CLASSES, PALETTE, THINGS, render_panoptic
from .street_scenes.scene_options import check_integer, check_scene
from .transforms.label_checks import label_table

FILE_OPTIONS = {
    'data_root', 'data_prefix', 'ann_file', 'img_suffix', 'seg_map_suffix',
    'reduce_zero_label', 'backend_args',
}  # fmt: skip


@DATASETS.register_module()
class SyntheticStreets(BaseSegDataset):
    """Street scenes with 8 classes and exact labels; nothing is on disk.

    A scene depends on ``(seed, split, index)`` alone and is the same on every machine.
    Its plan does not depend on ``size``: the same scene is drawn finer or coarser.
    A sample carries ``img`` (BGR), ``gt_seg_map`` and a virtual ``img_path``. Loading
    transforms leave both arrays as they are, so that the pipelines of data sets on
    disk work here too.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``: disjoint streams of scenes.
        num_images: Number of scenes.
        size: Height and width in pixels, from (32, 64) to (1024, 2048).
        seed: Number of the collection.
        panoptic: Whether a sample carries ``gt_panoptic_seg``, too: ids of people and
            cars from the same drawing, see :mod:`mmseg_deeplab.ops.panoptic_ids`.
        cache: Keep each scene once drawn: ``5 * H * W`` bytes a scene in each worker
            process that draws it, against some 10 ms for drawing 128x256 pixels anew.
        **kwargs: Passed to ``BaseSegDataset``, but for options about files:
            ``metainfo=dict(classes=...)`` keeps some of the classes, 255 for the
            others; ``indices``, ``pipeline``, ``serialize_data``, ``lazy_init``, ...
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[list(colour) for colour in PALETTE],
        thing_classes=[CLASSES[number] for number in THINGS],
    )

    def __init__(
        self,
        split: str = 'train',
        num_images: int = 1000,
        size: tuple[int, int] = (128, 256),
        seed: int = 0,
        *,
        panoptic: bool = False,
        cache: bool = False,
        **kwargs,
    ) -> None:
        if of_files := sorted(kwargs.keys() & FILE_OPTIONS):
            raise TypeError(
                f'SyntheticStreets reads no files: take {", ".join(of_files)} out'
            )
        check_integer('num_images', num_images, 1)
        check_scene(split, 0, size, seed)
        self.split = split
        self.num_images = int(num_images)
        self.size = tuple(int(edge) for edge in size)
        self.seed = int(seed)
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.panoptic = panoptic
        self._keeps_scenes = cache
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        return [
            dict(
                scene=index,
                img_path=f'synthetic_streets/{self.split}/{index:06d}.png',
                seg_map_path=None,
                label_map=self.label_map,
                reduce_zero_label=False,
            )
            for index in range(self.num_images)
        ]

    def get_data_info(self, idx: int) -> dict:
        if not -len(self) <= idx < len(self):
            raise IndexError(
                f'index {idx} is out of range: the {self.split} split of '
                f'SyntheticStreets has {len(self)} scenes'
            )
        results = super().get_data_info(int(idx) % len(self))
        scene = results['scene']
        image, ids = self._kept.get(scene) or render_panoptic(
            self.split, scene, self.size, self.seed
        )
        if self._keeps_scenes:
            self._kept[scene] = image, ids.astype(np.int16)
            image, ids = image.copy(), ids.astype(np.int32)
        table = label_table(reduce_zero_label=False, label_map=self.label_map)
        if table is not None:
            ids = panoptic_ids(table[class_map(ids)], ids % LABEL_DIVISOR)
        results['img'], results['gt_seg_map'] = image, class_map(ids)
        fields = ['gt_seg_map']
        if self.panoptic:
            results['gt_panoptic_seg'] = ids
            results['thing_classes'] = thing_indices(self.metainfo)
            fields.append('gt_panoptic_seg')
        results['img_shape'] = results['ori_shape'] = self.size
        # Where a loader stands in the pipeline, its place decides which transforms
        # change the label: after a resize in testing, before it in training.
        loaded = _loads_labels(self.pipeline.transforms)
        results['seg_fields'] = [] if loaded else fields
        return results


def _loads_labels(transforms: Sequence[Callable]) -> bool:
    for transform in transforms:
        if isinstance(transform, LoadAnnotations):
            return True
        branches = getattr(transform, 'subroutines', ())  # TestTimeAug
        if any(_loads_labels(branch.transforms) for branch in branches):
            return True
    return False
