"""How the data sets lay out their files, and which ids stand for our eight labels.

Every config for these data sets can be tried on SyntheticStreets in its layout.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from mmseg.datasets import (
    ADE20KDataset,
    CityscapesDataset,
    COCOStuffDataset,
    PascalVOCDataset,
)
from PIL import Image

from .camvid import CamVidDataset
from .labels import Labels, format_labels
from .street_scenes import CLASSES, PALETTE

BACKGROUND = 0  # of a data set that does not know a class


@dataclass(frozen=True)
class Part:
    """Scenes of one split, and the names of their files.

    Args:
        stream: The scenes drawn: ``'train'``, ``'val'`` or ``'test'``.
        image: Name of an image below the root; ``{index}`` counts from 0, ``{number}``
            from 1.
        label: Name of its label.
        lists: Files that list the stems of its images.
        skip: Scenes of the stream to leave out first, as a multiple of their number.
    """

    stream: str
    image: str
    label: str
    lists: tuple[str, ...] = ()
    skip: int = 0


def _grey_png(label: np.ndarray) -> bytes:
    return cv2.imencode('.png', label)[1].tobytes()


@dataclass(frozen=True)
class Layout:
    """One data set on disk.

    Args:
        ids: What the files hold for each of our labels, ``(8,)`` uint8.
        parts: Its splits.
        root: Where ``data_root`` is below the folder asked for.
        encode: Turns ids ``(H, W)`` into a PNG file.
        texts: Other files below the root: name and content.
    """

    ids: np.ndarray
    parts: Sequence[Part]
    root: str = ''
    encode: Callable[[np.ndarray], bytes] = _grey_png
    texts: dict[str, str] = field(default_factory=dict)


def label_ids(
    host: type, other_names: dict[str, str] | None = None, *, first_id: int = 0
) -> np.ndarray:
    """Find our eight labels among a data set's classes.

    Args:
        host: The data set.
        other_names: What it calls our classes, where that differs.
        first_id: What its files hold for the first class.

    Returns:
        ``(8,)`` uint8; classes that it does not know become background, 0.
    """
    classes = host.METAINFO['classes']
    names = [(other_names or {}).get(name, name) for name in CLASSES]
    ids = [classes.index(n) + first_id if n in classes else BACKGROUND for n in names]
    return np.array(ids, np.uint8)


def _voc_png(label: np.ndarray) -> bytes:
    """Class ids as palette indices with VOC's colours, as VOC stores them."""
    picture = Image.fromarray(label).convert('L')
    picture.putpalette(np.array(PascalVOCDataset.METAINFO['palette'], np.uint8).ravel())
    buffer = io.BytesIO()
    picture.save(buffer, format='PNG')
    return buffer.getvalue()


def _color_png(label: np.ndarray) -> bytes:
    """Our classes as their colours."""
    return _grey_png(np.array(PALETTE, np.uint8)[label][..., ::-1])


def _cityscapes() -> Layout:
    stem = 'streets/streets_{index:06d}_000000'
    parts = [
        Part(
            stream=split,
            image=f'leftImg8bit/{split}/{stem}_leftImg8bit.png',
            label=f'gtFine/{split}/{stem}_gtFine_labelTrainIds.png',
        )
        for split in ('train', 'val')
    ]
    return Layout(ids=label_ids(CityscapesDataset), parts=parts)


def _voc() -> Layout:
    """As many training scenes again stand for the annotations of SBD."""
    parts = [
        Part(
            stream=stream,
            image=f'JPEGImages/{name}_{{index:06d}}.jpg',
            label=f'SegmentationClass{folder}/{name}_{{index:06d}}.png',
            lists=tuple(f'ImageSets/Segmentation/{n}.txt' for n in (name, *more)),
            skip=skip,
        )
        for name, stream, folder, skip, more in (
            ('train', 'train', '', 0, ('trainval', 'trainaug')),
            ('aug', 'train', 'Aug', 1, ('trainaug',)),
            ('val', 'val', '', 0, ('trainval',)),
        )
    ]
    return Layout(
        ids=label_ids(PascalVOCDataset),
        parts=parts,
        root='VOCdevkit/VOC2012',
        encode=_voc_png,
    )


def _ade20k() -> Layout:
    """0 is unlabelled, 1 the first class."""
    parts = [
        Part(
            stream=split,
            image=f'images/{folder}/ADE_{split}_{{number:08d}}.jpg',
            label=f'annotations/{folder}/ADE_{split}_{{number:08d}}.png',
        )
        for split, folder in (('train', 'training'), ('val', 'validation'))
    ]
    return Layout(
        ids=label_ids(ADE20KDataset, {'vegetation': 'tree'}, first_id=1),
        parts=parts,
        root='ADEChallengeData2016',
    )


def _coco_stuff(folders: tuple[str, str], prefix: str, first_id: int) -> Layout:
    """Files as MMSegmentation's converters leave them."""
    parts = [
        Part(
            stream=split,
            image=f'images/{folder}/{prefix}{{number:012d}}.jpg',
            label=f'annotations/{folder}/{prefix}{{number:012d}}_labelTrainIds.png',
        )
        for split, folder in zip(('train', 'val'), folders, strict=True)
    ]
    names = {
        'sidewalk': 'pavement',
        'building': 'building-other',
        'sky': 'sky-other',
        'vegetation': 'tree',
        'pole': 'metal',
    }
    return Layout(
        ids=label_ids(COCOStuffDataset, names, first_id=first_id), parts=parts
    )


def _camvid() -> Layout:
    names = {'sidewalk': 'pavement', 'vegetation': 'tree', 'person': 'pedestrian'}
    parts = [
        Part(
            stream=split,
            image=f'img_dir/{split}/streets_{{index:06d}}.png',
            label=f'ann_dir/{split}/streets_{{index:06d}}.png',
        )
        for split in ('train', 'val', 'test')
    ]
    return Layout(ids=label_ids(CamVidDataset, names), parts=parts)


def _folder() -> Layout:
    """Labels are images in the colours of ``labels.txt``."""
    parts = [
        Part(
            stream=split,
            image=f'images/{split}/streets_{{index:06d}}.jpg',
            label=f'labels/{split}/streets_{{index:06d}}.png',
        )
        for split in ('train', 'val')
    ]
    return Layout(
        ids=np.arange(len(CLASSES), dtype=np.uint8),
        parts=parts,
        encode=_color_png,
        texts={'labels.txt': format_labels(Labels(CLASSES, PALETTE))},
    )


LAYOUTS = dict(
    cityscapes=_cityscapes(),
    voc=_voc(),
    ade20k=_ade20k(),
    coco_stuff10k=_coco_stuff(('train2014', 'test2014'), 'COCO_train2014_', 1),
    coco_stuff164k=_coco_stuff(('train2017', 'val2017'), '', 0),
    camvid=_camvid(),
    folder=_folder(),
)
