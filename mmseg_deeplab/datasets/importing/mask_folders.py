"""Masks in files: in the colours of a list, of Roboflow, or one for each class."""

import csv
import os
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from mmseg_deeplab.datasets.class_list import ClassList, read_class_list
from mmseg_deeplab.datasets.transforms import LabelColors, LoadCheckedAnnotations
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import decode, read_file
from mmseg_deeplab.utils.text_files import decode_text

from .annotated_images import AnnotatedImage, Annotations, Shape, class_name, need
from .shape_masks import Size
from .source_files import SourceFiles

VOC_MASKS = 'SegmentationClass'
VOC_IMAGES = 'JPEGImages'
VOC_INSTANCES = 'SegmentationObject'
LABEL_MAP = 'labelmap.txt'
ROBOFLOW_CLASSES = '_classes.csv'
ROBOFLOW_MASK = '_mask.png'
REMEDY = 'export it again'

Load = Callable[[Size], np.ndarray]


def find_colors(files: SourceFiles) -> list[str]:
    """Find the masks of VOC's layout, which CVAT also writes."""
    return [p for p in files.ending('.png') if VOC_MASKS in p.split(os.sep)[:-1]]


def read_colors(files: SourceFiles, found: list[str]) -> Annotations:
    root = _voc_parts(found[0])[0]
    classes = files.class_list
    if classes is None:
        path = os.path.join(root, LABEL_MAP)
        if not os.path.isfile(path):
            raise InputError(
                f'{root}: has {VOC_MASKS}, but no {LABEL_MAP} that names the colours. '
                'Remedy: give a class list with colours by --labels'
            )
        classes = read_class_list(path)
    result = Annotations(labels_every_pixel=True, names=list(classes.names))
    result.colors = dict(zip(classes.names, classes.colors, strict=False))
    result.masks.update(found)
    result.masks.update(p for p in files.paths if VOC_INSTANCES in p.split(os.sep))
    for mask in found:
        with result.entry(mask):
            root, stem = _voc_parts(mask)
            image = files.image_of_stem(
                os.path.join(root, VOC_IMAGES, stem),
                but_below=os.path.join(root, VOC_MASKS),
            )
            load = partial(_read_colored, mask, classes)
            shapes = map_shapes(load, dict(enumerate(classes.names)), 'ignored colours')
            split = _voc_splits(root).get(stem) or files.split_of(image)
            result.images.append(AnnotatedImage(image, mask, shapes, None, split))
    return result


def _voc_parts(mask: str) -> tuple[str, str]:
    """Split a path into the folder of the data set and the image's name."""
    root, _, inside = mask.rpartition(f'{os.sep}{VOC_MASKS}{os.sep}')
    return root, os.path.splitext(inside)[0]


@lru_cache(maxsize=8)
def _voc_splits(root: str) -> dict[str, str]:
    splits = {}
    for split in ('train', 'val', 'test'):
        path = os.path.join(root, 'ImageSets', 'Segmentation', f'{split}.txt')
        if os.path.isfile(path):
            with open(path, encoding='utf-8', errors='surrogateescape') as file:
                splits |= {line.strip(): split for line in file}
    return splits


@lru_cache(maxsize=1)
def _read_colored(mask: str, classes: ClassList, size: Size) -> np.ndarray:
    """Read class ids as a data set in training would, so with all of its checks."""
    colors = None
    if classes.colors:
        colors = LabelColors(classes.colors, ignored=classes.ignored, origin=LABEL_MAP)
    load = LoadCheckedAnnotations(num_classes=len(classes.names))
    results = dict(seg_map_path=mask, seg_fields=[], ori_shape=size)
    return load(results | dict(label_colors=colors))['gt_seg_map']


def map_shapes(load: Load, names: dict[int, str], rest: str) -> list[Shape]:
    """Make a shape of each class of a mask that holds values; others have no class."""
    shapes = [
        Shape(name, partial(_where, load, (value,), False), '', True)
        for value, name in names.items()
    ]
    return [*shapes, Shape(None, partial(_where, load, (*names,), True), rest, True)]


def _where(load: Load, values: tuple[int, ...], invert: bool, size: Size) -> np.ndarray:
    return np.isin(load(size), values, invert=invert)


def find_roboflow(files: SourceFiles) -> list[str]:
    return [p for p in files.paths if os.path.basename(p) == ROBOFLOW_CLASSES]


def read_roboflow(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations(labels_every_pixel=True)
    for path in found:
        with result.entry(path):
            names = _roboflow_classes(path)
            result.names += [n for n in names.values() if n not in result.names]
            folder = os.path.dirname(path)
            for mask in files.ending(ROBOFLOW_MASK):
                if os.path.dirname(mask) != folder:
                    continue
                result.masks.add(mask)
                with result.entry(mask):
                    image = files.image_of_stem(mask[: -len(ROBOFLOW_MASK)])
                    load = partial(_read_grey, mask)
                    shapes = map_shapes(load, names, 'values that are no class')
                    split = files.split_of(image)
                    result.images.append(
                        AnnotatedImage(image, mask, shapes, None, split)
                    )
    return result


def _roboflow_classes(path: str) -> dict[int, str]:
    """Read rows of a pixel's value and a class, after a heading."""
    text = decode_text(read_file(path, remedy=REMEDY), path)
    rows = [row for row in csv.reader(text.splitlines()) if row][1:]
    names = {int(value): class_name(name) for value, name in rows}
    need(names, f'{path}: names no class')
    return names


@lru_cache(maxsize=1)
def _read_grey(mask: str, size: Size) -> np.ndarray:
    values = decode(
        read_file(mask, remedy=REMEDY), mask, flag='unchanged', backend='pillow'
    )
    need(
        values.shape == size,
        f'{mask} has the shape {values.shape}, expected {size}, one value a pixel',
    )
    return values


def find_class_masks(files: SourceFiles) -> list[str]:
    """Find ``masks/CLASS/NAME.png``."""
    return [p for p in files.ending('.png', '.bmp', '.tif') if _class_folder(p)]


def _class_folder(path: str) -> tuple[str, str, str] | None:
    """Split a path into the folder ``masks``, the class, and the image's name."""
    before, found, after = path.rpartition(f'{os.sep}masks{os.sep}')
    name, slash, stem = after.partition(os.sep)
    if not found or not slash:
        return None
    return f'{before}{os.sep}masks', name, os.path.splitext(stem)[0]


def read_class_masks(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations(masks=set(found))
    shapes: dict[str, list[Shape]] = {}
    for mask in found:
        with result.entry(mask):
            folder, name, stem = _class_folder(mask)
            near = os.path.join(os.path.dirname(folder), 'images', stem)
            image = files.image_of_stem(near, but_below=folder)
            draw = partial(_foreground, mask)
            shape = Shape(class_name(name), draw, may_be_empty=True)
            shapes.setdefault(image, []).append(shape)
    for image, drawn in shapes.items():
        place = os.path.dirname(os.path.dirname(found[0]))
        split = files.split_of(image)
        result.images.append(AnnotatedImage(image, place, drawn, None, split))
    result.name_all()
    return result


def _foreground(mask: str, size: Size) -> np.ndarray:
    values = _read_grey(mask, size)
    held = np.unique(values)
    need(
        len(held) <= 2 and (len(held) == 1 or held[0] == 0),
        f'{mask} holds the values {held[:6].tolist()}, expected 0 and one other. '
        'Remedy: export it as PNG without anti-aliasing',
    )
    return values > 0
