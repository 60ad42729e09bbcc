"""Supervisely: ``meta.json`` with the classes, and ``ann/NAME.json`` for each image."""

import os
from functools import partial
from typing import Any

import cv2
import numpy as np

from mmseg_deeplab.datasets.class_list import hex_color
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.json_files import parse_json

from .annotated_images import AnnotatedImage, Annotations, Shape, class_name
from .shape_masks import Size, as_ring, bitmap_mask, box_ring
from .source_files import SourceFiles


def fits(content: Any) -> bool:
    return isinstance(content, dict) and (
        {'objects', 'size'} <= content.keys() or _is_meta(content)
    )


def _is_meta(content: dict) -> bool:
    return isinstance(rows := content.get('classes'), list) and all(
        isinstance(one, dict) and 'title' in one for one in rows
    )


def read(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations()
    for path in found:
        with result.entry(path):
            content = parse_json(read_file(path, remedy='correct SRC'), path)
            if _is_meta(content):
                _add_classes(result, content)
                continue
            name = os.path.basename(path).removesuffix('.json')
            folder = os.path.dirname(os.path.dirname(path))
            image = os.path.join(folder, 'img', name)
            if not os.path.isfile(image):
                image = files.image(name, path)
            shapes = []
            for one in content['objects']:
                shape = _shape(one)
                if shape is None:
                    result.passed_over[str(one['geometryType'])] += 1
                else:
                    shapes.append(shape)
            size = content['size']['height'], content['size']['width']
            split = files.split_of(image)
            result.images.append(AnnotatedImage(image, path, shapes, size, split))
    result.name_all()
    return result


def _add_classes(result: Annotations, content: dict) -> None:
    for one in content['classes']:
        name = class_name(one['title'])
        if one.get('shape') not in ('point', 'line') and name not in result.names:
            result.names.append(name)
        if color := hex_color(one.get('color')):
            result.colors[name] = color


def _shape(one: dict) -> Shape | None:
    kind = one['geometryType']
    if kind == 'bitmap':
        left, top = one['bitmap']['origin']
        data = one['bitmap']['data']
        draw = partial(bitmap_mask, data, int(left), int(top))
        return Shape(class_name(one['classTitle']), partial(draw, zipped=True))
    if kind not in ('polygon', 'rectangle'):
        return None
    outer = as_ring(one['points']['exterior'])
    if kind == 'rectangle':
        outer = box_ring(*outer.min(axis=0), *np.ptp(outer, axis=0))
    holes = [as_ring(ring) for ring in one['points'].get('interior', ())]
    return Shape(class_name(one['classTitle']), partial(_fill, outer, holes))


def _fill(outer: np.ndarray, holes: list[np.ndarray], size: Size) -> np.ndarray:
    """Fill as Supervisely's own SDK does: points are pixels and belong to the shape."""
    if not len(outer):
        raise InputError('a shape without points')
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(outer).astype(np.int32)], 1)
    for hole in holes:
        cv2.fillPoly(mask, [np.rint(hole).astype(np.int32)], 0)
    return mask > 0
