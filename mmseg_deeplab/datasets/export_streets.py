"""Write SyntheticStreets as the folders of Cityscapes or of PASCAL VOC 2012.

Every config for these data sets can then be tried without a download.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_progress
from mmseg.datasets import CityscapesDataset, PascalVOCDataset
from PIL import Image

from mmseg_deeplab.engine.files import write_whole

from .street_scenes import CLASSES, render_scene
from .street_scenes.request import check_integer, check_size

MARKER = 'synthetic_streets.json'  # says what the folder was made from
RENDERER = 1  # raise it when scenes change: old and new ones must not mix
LAYOUTS = ('cityscapes', 'voc')


@dataclass(frozen=True)
class Request:
    """What to write.

    Args:
        layout: ``'cityscapes'`` or ``'voc'``.
        num_train: Number of training scenes.
        num_val: Number of validation scenes.
        size: Height and width in pixels.
        seed: Number of the collection.
    """

    layout: str
    num_train: int = 200
    num_val: int = 50
    size: tuple[int, int] = (256, 512)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(f'layout is {self.layout!r}, expected one of {LAYOUTS}')
        check_integer('num_train', self.num_train, 1)
        check_integer('num_val', self.num_val, 1)
        check_integer('seed', self.seed, 0)
        check_size(self.size)

    def describe(self) -> dict:
        """Everything that the files depend on, as JSON holds it."""
        return {**asdict(self), 'size': list(self.size), 'renderer': RENDERER}


@dataclass(frozen=True)
class Scene:
    """One scene and the two files that it becomes."""

    split: str
    index: int
    image: Path
    label: Path


def label_ids(layout: str) -> np.ndarray:
    """Class ids of a layout for our eight labels, ``(8,)`` uint8.

    Cityscapes knows all eight: its trainIds. VOC knows cars and people: the rest
    becomes background, 0.
    """
    host = CityscapesDataset if layout == 'cityscapes' else PascalVOCDataset
    names = host.METAINFO['classes']
    return np.array([names.index(n) if n in names else 0 for n in CLASSES], np.uint8)


def export_streets(out: str | Path, request: Request) -> Path:
    """Write a data set; a stopped run can be repeated and goes on where it stopped.

    Args:
        out: ``leftImg8bit`` and ``gtFine`` are made in it for Cityscapes,
            ``VOCdevkit/VOC2012`` for VOC.
        request: What to write.

    Returns:
        The ``data_root`` for a config.

    Raises:
        FileExistsError: If there is another data set in the place.
    """
    voc = request.layout == 'voc'
    root = Path(out) / 'VOCdevkit' / 'VOC2012' if voc else Path(out)
    _claim(root, request)
    scenes = list((_voc_scenes if voc else _cityscapes_scenes)(root, request))
    write = _scene_writer(request)
    track_progress(write, [scene for scene in scenes if not _is_written(scene)])
    if voc:
        _write_lists(root, scenes)
    return root


def _claim(root: Path, request: Request) -> None:
    """Mark an empty folder as ours, or find our own mark of the same request."""
    marker = root / MARKER
    wanted = json.dumps(request.describe(), indent=2)
    if marker.is_file():
        if marker.read_text() == wanted:
            return
        raise FileExistsError(
            f'{root}: holds synthetic streets made with other settings '
            f'({marker.read_text()}). Remedy: remove the folder, or give another --out.'
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(
            f'{root}: exists and is not empty, and has no {MARKER}: this may be a real '
            'data set. Remedy: give another --out.'
        )
    write_whole(wanted.encode(), marker)


def _cityscapes_scenes(root: Path, request: Request) -> Iterator[Scene]:
    """Files as Cityscapes names them: city, sequence, frame."""
    for split, count in (('train', request.num_train), ('val', request.num_val)):
        for index in range(count):
            stem = f'streets/streets_{index:06d}_000000'
            yield Scene(
                split=split,
                index=index,
                image=root / 'leftImg8bit' / split / f'{stem}_leftImg8bit.png',
                label=root / 'gtFine' / split / f'{stem}_gtFine_labelTrainIds.png',
            )


def _voc_scenes(root: Path, request: Request) -> Iterator[Scene]:
    """Files of VOC; as many scenes again stand for the annotations of SBD."""
    parts = {
        'train': ('train', 0, request.num_train, 'SegmentationClass'),
        'aug': ('train', request.num_train, request.num_train, 'SegmentationClassAug'),
        'val': ('val', 0, request.num_val, 'SegmentationClass'),
    }
    for name, (split, first, count, folder) in parts.items():
        for index in range(first, first + count):
            stem = f'{name}_{index:06d}'
            yield Scene(
                split=split,
                index=index,
                image=root / 'JPEGImages' / f'{stem}.jpg',
                label=root / folder / f'{stem}.png',
            )


def _is_written(scene: Scene) -> bool:
    return scene.image.exists() and scene.label.exists()


def _scene_writer(request: Request) -> Callable[[Scene], None]:
    """Make the function that draws one scene and writes its two files."""
    ids = label_ids(request.layout)
    encode_label = _palette_png if request.layout == 'voc' else _grey_png

    def write(scene: Scene) -> None:
        image, label = render_scene(
            scene.split, scene.index, request.size, request.seed
        )
        _, content = cv2.imencode(scene.image.suffix, image)
        write_whole(content.tobytes(), scene.image)
        write_whole(encode_label(ids[label]), scene.label)

    return write


def _grey_png(label: np.ndarray) -> bytes:
    return cv2.imencode('.png', label)[1].tobytes()


def _palette_png(label: np.ndarray) -> bytes:
    """Class ids as palette indices with VOC's colours, as VOC stores them."""
    picture = Image.fromarray(label).convert('L')
    picture.putpalette(np.array(PascalVOCDataset.METAINFO['palette'], np.uint8).ravel())
    buffer = io.BytesIO()
    picture.save(buffer, format='PNG')
    return buffer.getvalue()


def _write_lists(root: Path, scenes: list[Scene]) -> None:
    """Write the lists of names, after all files are there."""
    names: dict[str, list[str]] = {'train': [], 'val': [], 'aug': []}
    for scene in scenes:
        names[scene.image.stem.split('_')[0]].append(scene.image.stem)
    names['trainval'] = names['train'] + names['val']
    for name, stems in names.items():
        path = root / 'ImageSets' / 'Segmentation' / f'{name}.txt'
        write_whole(('\n'.join(stems) + '\n').encode(), path)
