"""Data sets whose segments are listed in a JSON file, beside PNG files of their ids."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np
from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.ops.panoptic_ids import thing_indices
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import parse_json

from .coco_classes import STUFF, THINGS


def read_segments(
    file: str, classes: Sequence[str], backend_args: dict | None = None
) -> list[dict]:
    """Read a JSON file in COCO's panoptic format.

    Categories are found by their names, so that it does not matter how they are
    numbered: COCO leaves gaps, and Cityscapes has two numberings. Returns for each
    image ``image_id``, ``image`` (its name in `images`, None without one), ``png`` and
    ``segments``: rows ``(S, 3)`` of id, class (-1 without a category) and whether it is
    a crowd.
    """
    try:
        content = parse_json(fileio.get(file, backend_args=backend_args), file)
        names = {one['id']: one['name'] for one in content['categories']}
        if unknown := sorted(set(names.values()) - set(classes)):
            raise InputError(
                f'{file}: has categories that are no classes of the data set: '
                f'{", ".join(unknown)}. Remedy: correct the names in the file.'
            )
        number = {one: classes.index(name) for one, name in names.items()}
        images = {one['id']: one['file_name'] for one in content.get('images', [])}
        return [
            dict(
                image_id=one['image_id'],
                image=images.get(one['image_id']),
                png=one['file_name'],
                segments=_rows(one['segments_info'], number),
            )
            for one in content['annotations']
        ]
    except FileNotFoundError as error:
        raise InputError(
            f'{file}: no such file. Remedy: correct data_root or ann_file.'
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{file}: is no JSON file in COCO's panoptic format "
            f'({type(error).__name__}: {error}). Remedy: give a file with '
            '`categories`, `images` and `annotations` with `segments_info`.'
        ) from error


def _rows(segments: list[dict], number: dict[int, int]) -> np.ndarray:
    rows = [
        (one['id'], number.get(one['category_id'], -1), one.get('iscrowd', 0))
        for one in segments
    ]
    return np.array(rows, np.int32).reshape(-1, 3)


def list_samples(
    dataset: BaseSegDataset, image_name: Callable[[dict], str]
) -> list[dict]:
    """Return the samples of a data set for ``LoadPanopticAnnotations``."""
    backend = dict(backend_args=dataset.backend_args)
    images, labels = map(dataset.data_prefix.get, ('img_path', 'seg_map_path'))
    things = thing_indices(dataset.metainfo)
    classes = dataset.METAINFO['classes']
    return [
        dict(
            img_path=fileio.join_path(images, image_name(one), **backend),
            seg_map_path=labels and fileio.join_path(labels, one['png'], **backend),
            segments=one['segments'],
            thing_classes=things,
            label_map=dataset.label_map,
            reduce_zero_label=False,
            seg_fields=[],
        )
        for one in read_segments(dataset.ann_file, classes, **backend)
    ]


@DATASETS.register_module()
class CocoPanopticDataset(BaseSegDataset):
    """COCO panoptic: 80 classes of things, then 53 of stuff, in the order of its file.

    ``LoadPanopticAnnotations`` reads its PNG files. A subclass with another
    ``METAINFO`` reads other data in this format.

    Args:
        ann_file: The JSON file, ``'annotations/panoptic_train2017.json'``.
        data_prefix: The folders of the images, ``img_path='train2017'``, and of the PNG
            files, ``seg_map_path='annotations/panoptic_train2017'``.
        **kwargs: Passed to ``BaseSegDataset``.
    """

    METAINFO = dict(classes=THINGS + STUFF, thing_classes=THINGS)

    def load_data_list(self) -> list[dict]:
        return list_samples(self, self._image_name)

    @staticmethod
    def _image_name(entry: dict) -> str:
        return entry['image'] or PurePosixPath(entry['png']).stem + '.jpg'
