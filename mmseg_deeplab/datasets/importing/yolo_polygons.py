"""YOLO: ``data.yaml``, and a text file of polygons for each image, in parts of 1.

Images lie below a folder ``images``, the text files alike below ``labels``. An image
without a text file has no objects.
"""

import os
from functools import partial

import numpy as np
import yaml

from mmseg_deeplab.utils.errors import InputError, one_line
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.text_files import decode_text

from .annotated_images import (
    BOX_ONLY,
    AnnotatedImage,
    Annotations,
    Shape,
    class_name,
    need,
)
from .shape_masks import Patch, Size, as_ring, box_ring, polygon_mask
from .source_files import IMAGES, SourceFiles

MAX_YAML = 1 << 20  # bytes


def find(files: SourceFiles) -> list[str]:
    return [
        path
        for path in files.ending('.yaml', '.yml')
        if os.path.getsize(path) <= MAX_YAML and _names(path) is not None
    ]


def _names(path: str) -> list[str] | None:
    """Return the class names; None if it is another file."""
    try:
        content = yaml.safe_load(read_file(path, remedy='correct SRC'))
        names = content['names']
        if isinstance(names, dict):
            names = [names[number] for number in range(len(names))]
        return [class_name(str(name)) for name in names] if names else None
    except (yaml.YAMLError, RecursionError, LookupError, TypeError, ValueError):
        return None


def read(files: SourceFiles, found: list[str]) -> Annotations:
    if len(found) != 1:
        raise InputError(
            f'{" and ".join(found)} both name classes. Remedy: keep one of them'
        )
    result = Annotations(names=_names(found[0]))
    for path in sorted(p for ps in files.by_name.values() for p in ps):
        folders = os.path.relpath(path, files.image_root).split(os.sep)
        if 'images' not in folders[:-1] or not path.lower().endswith(IMAGES):
            continue
        at = len(folders) - 2 - folders[-2::-1].index('images')
        folders[at] = 'labels'
        label = os.path.join(files.image_root, *folders)
        label = f'{os.path.splitext(label)[0]}.txt'
        with result.entry(label):
            shapes = _shapes(label, result.names) if os.path.isfile(label) else []
            split = files.split_of(path)
            result.images.append(AnnotatedImage(path, label, shapes, None, split))
    if not result.images:
        raise InputError(
            f'{files.image_root}: no image is below a folder `images`. Remedy: put the '
            'images there, and the text files alike below `labels`'
        )
    return result


def _shapes(path: str, names: list[str]) -> list[Shape]:
    if not os.path.getsize(path):
        return []
    text, shapes = decode_text(read_file(path, remedy='correct SRC'), path), []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            class_id, *values = map(float, line.split())
        except ValueError as error:
            if not line.strip():
                continue
            raise InputError(f'line {number}: {one_line(error)}') from error
        need(len(values) % 2 == 0, f'line {number}: {len(values)} coordinates')
        known = class_id in range(len(names))
        name = names[int(class_id)] if known else None
        why = '' if known else f'class id {class_id:g} without a name'
        if len(values) == 4:
            x, y, width, height = values
            ring = box_ring(x - width / 2, y - height / 2, width, height)
            name, why = None, BOX_ONLY
        else:
            ring = as_ring(values)
        shapes.append(Shape(name, partial(_scaled, ring), why))
    return shapes


def _scaled(ring: np.ndarray, size: Size) -> Patch:
    return polygon_mask([[ring * (size[1], size[0])]], size)
