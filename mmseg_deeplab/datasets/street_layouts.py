"""How data sets name their files, and what their labels hold for our eight classes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
from mmseg.datasets import (
    ADE20KDataset,
    BaseSegDataset,
    CityscapesDataset,
    COCOStuffDataset,
    PascalVOCDataset,
)

from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR, class_map
from mmseg_deeplab.utils.label_png import label_png

from .camvid import CamVidDataset
from .cityscapes_panoptic import LABELS
from .class_list import ClassList
from .street_scenes import CLASSES, PALETTE

BACKGROUND = 0  # of a data set that does not know a class


@dataclass(frozen=True)
class Part:
    """Scenes of one split."""

    stream: str  # 'train', 'val' or 'test': the scenes drawn
    folder: str | None = None  # {folder} in the names of files; None takes the stream
    suffix: str = ''  # {suffix} in the names of labels
    lists: tuple[str, ...] = ()  # files that list the stems of its images
    skip: int = 0  # how many times their number of scenes is left out first


def _grey_png(label: np.ndarray) -> bytes:
    return cv2.imencode('.png', label)[1].tobytes()


def _voc_png(label: np.ndarray) -> bytes:
    """Class ids as palette indices with VOC's colours, as VOC stores them."""
    return label_png(label, PascalVOCDataset.METAINFO['palette'])


def _color_png(label: np.ndarray) -> bytes:
    return _grey_png(np.array(PALETTE, np.uint8)[label][..., ::-1])


def _instance_png(ids: np.ndarray) -> bytes:
    """Cityscapes' instance ids: the label, or label * 1000 + number from 0."""
    layout = LAYOUTS['cityscapes']
    labels = np.array(LABELS)[layout.ids[class_map(ids)]]
    number = ids % LABEL_DIVISOR
    values = np.where(number > 0, labels * LABEL_DIVISOR + number - 1, labels)
    return _grey_png(values.astype(np.uint16))


@dataclass(frozen=True)
class Layout:
    """One data set on disk."""

    # Names below the root: {stream}, {folder} and {suffix} are those of the part,
    # {index} counts from 0, {number} from 1.
    image: str
    label: str
    parts: tuple[Part, ...] = (Part('train'), Part('val'))
    dataset: type[BaseSegDataset] | None = None  # with its class ids; None for ours
    synonyms: dict[str, str] = field(default_factory=dict)  # its names of our classes
    first_id: int = 0  # what labels hold for the first class
    root: str = ''  # where `data_root` is below the folder asked for
    encode: Callable[[np.ndarray], bytes] = _grey_png  # ids (H, W) to a PNG file
    instances: str | None = None  # name of the file of instances, if there is one
    encode_instances: Callable[[np.ndarray], bytes] | None = None  # ids (H, W) to it
    texts: dict[str, str] = field(default_factory=dict)  # other files below the root

    @property
    def ids(self) -> np.ndarray:
        """What labels hold for each of our classes, ``(8,)`` uint8."""
        classes = self.dataset.METAINFO['classes'] if self.dataset else CLASSES
        names = [self.synonyms.get(name, name) for name in CLASSES]
        ids = {name: self.first_id + index for index, name in enumerate(classes)}
        return np.array([ids.get(name, BACKGROUND) for name in names], np.uint8)


def _coco_stuff(train: str, val: str, prefix: str, first_id: int) -> Layout:
    """Files as MMSegmentation's converters leave them."""
    return Layout(
        image=f'images/{{folder}}/{prefix}{{number:012d}}.jpg',
        label=f'annotations/{{folder}}/{prefix}{{number:012d}}_labelTrainIds.png',
        parts=(Part('train', train), Part('val', val)),
        dataset=COCOStuffDataset,
        synonyms={
            'sidewalk': 'pavement',
            'building': 'building-other',
            'sky': 'sky-other',
            'vegetation': 'tree',
            'pole': 'metal',
        },
        first_id=first_id,
    )


def _voc_lists(*names: str) -> tuple[str, ...]:
    return tuple(f'ImageSets/Segmentation/{name}.txt' for name in names)


LAYOUTS = dict(
    cityscapes=Layout(
        image='leftImg8bit/{stream}/streets/streets_{index:06d}_000000_leftImg8bit.png',
        label='gtFine/{stream}/streets/streets_{index:06d}_000000_gtFine_labelTrainIds'
        '.png',
        dataset=CityscapesDataset,
        instances='gtFine/{stream}/streets/streets_{index:06d}_000000_gtFine_'
        'instanceIds.png',
        encode_instances=_instance_png,
    ),
    # As many training scenes again stand for the annotations of SBD.
    voc=Layout(
        image='JPEGImages/{folder}_{index:06d}.jpg',
        label='SegmentationClass{suffix}/{folder}_{index:06d}.png',
        parts=(
            Part('train', lists=_voc_lists('train', 'trainval', 'trainaug')),
            Part('train', 'aug', 'Aug', _voc_lists('aug', 'trainaug'), skip=1),
            Part('val', lists=_voc_lists('val', 'trainval')),
        ),
        dataset=PascalVOCDataset,
        root='VOCdevkit/VOC2012',
        encode=_voc_png,
    ),
    # 0 is unlabelled, 1 the first class.
    ade20k=Layout(
        image='images/{folder}/ADE_{stream}_{number:08d}.jpg',
        label='annotations/{folder}/ADE_{stream}_{number:08d}.png',
        parts=(Part('train', 'training'), Part('val', 'validation')),
        dataset=ADE20KDataset,
        synonyms={'vegetation': 'tree'},
        first_id=1,
        root='ADEChallengeData2016',
    ),
    coco_stuff10k=_coco_stuff('train2014', 'test2014', 'COCO_train2014_', 1),
    coco_stuff164k=_coco_stuff('train2017', 'val2017', '', 0),
    camvid=Layout(
        image='img_dir/{stream}/streets_{index:06d}.png',
        label='ann_dir/{stream}/streets_{index:06d}.png',
        parts=(Part('train'), Part('val'), Part('test')),
        dataset=CamVidDataset,
        synonyms={'sidewalk': 'pavement', 'vegetation': 'tree', 'person': 'pedestrian'},
    ),
    # Labels are images in the colours of the class list.
    folder=Layout(
        image='images/{stream}/streets_{index:06d}.jpg',
        label='labels/{stream}/streets_{index:06d}.png',
        encode=_color_png,
        texts={'labels.txt': ClassList(CLASSES, PALETTE).to_text()},
    ),
)
