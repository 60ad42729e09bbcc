"""labelme: one JSON file an image. Later shapes lie above earlier ones."""

import math
from functools import partial
from typing import Any

import numpy as np

from mmseg_deeplab.datasets.class_list import LABELME_IGNORE
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.json_files import parse_json

from .annotated_images import AnnotatedImage, Annotations, Shape, class_name
from .shape_masks import as_ring, bitmap_mask, box_ring, ellipse_mask, polygon_mask
from .source_files import SourceFiles


def fits(content: Any) -> bool:
    return isinstance(content, dict) and {'shapes', 'imagePath'} <= content.keys()


def read(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations()
    for path in found:
        with result.entry(path):
            content = parse_json(read_file(path, remedy='correct SRC'), path)
            shapes = [_shape(one) for one in content['shapes']]
            result.passed_over.update(
                one['shape_type']
                for one, shape in zip(content['shapes'], shapes, strict=True)
                if shape is None
            )
            image = files.image(content['imagePath'], path)
            size = content.get('imageHeight'), content.get('imageWidth')
            result.images.append(
                AnnotatedImage(
                    path=image,
                    place=path,
                    shapes=[shape for shape in shapes if shape],
                    size=None if None in size else size,
                    split=files.split_of(image, path),
                )
            )
    result.name_all()
    return result


def _shape(one: dict) -> Shape | None:
    points = as_ring(one['points'])
    kind = one.get('shape_type') or 'polygon'
    if kind == 'polygon':
        draw = partial(polygon_mask, [[points]])
    elif kind == 'rectangle':
        box = box_ring(*points.min(axis=0), *np.ptp(points, axis=0))
        draw = partial(polygon_mask, [[box]])
    elif kind == 'circle':
        (x, y), (at_x, at_y) = points
        radius = math.hypot(at_x - x, at_y - y)
        draw = partial(ellipse_mask, x, y, radius, radius, 0.0)
    elif kind == 'mask':
        left, top = points.min(axis=0)
        draw = partial(bitmap_mask, one['mask'], left, top)
    else:
        return None
    name = class_name(one['label'])
    if name == LABELME_IGNORE:
        return Shape(None, draw, f'the label {name}')
    return Shape(name, draw)
