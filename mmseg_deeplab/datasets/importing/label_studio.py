"""Label Studio's JSON: polygons, brushes, boxes and ellipses, in percent."""

import os
import re
from functools import partial
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.json_files import parse_json

from .annotated_images import AnnotatedImage, Annotations, Shape, class_name, need
from .shape_masks import as_ring, box_ring, brush_mask, ellipse_mask, polygon_mask
from .source_files import IMAGES, SourceFiles

UPLOADED = re.compile(r'^[0-9a-f]{8}-')  # put before the names of uploaded files
KINDS = ('polygonlabels', 'brushlabels', 'rectanglelabels', 'ellipselabels')


def fits(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(task, dict) and {'data', 'annotations'} <= task.keys()
        for task in content
    )


def read(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations()
    for path in found:
        with result.entry(path):
            content = parse_json(read_file(path, remedy='correct SRC'), path)
            for number, task in enumerate(content):
                place = f'{path}, task {number}'
                with result.entry(place):
                    _add(result, files, path, task)
    result.name_all()
    return result


def _add(result: Annotations, files: SourceFiles, path: str, task: dict) -> None:
    done = [one for one in task['annotations'] if not one.get('was_cancelled')]
    need(done, 'has no annotation')
    need(
        len(done) == 1,
        f'has {len(done)} annotations. Remedy: keep one of them in Label Studio',
    )
    shapes, size = [], None
    for one in done[0]['result']:
        if one.get('type') not in KINDS:
            result.passed_over[str(one.get('type'))] += 1
            continue
        size = int(one['original_height']), int(one['original_width'])
        shapes.append(_shape(one))
    image = _image(files, path, task['data'])
    split = files.split_of(image, path)
    result.images.append(AnnotatedImage(image, path, shapes, size, split))


def _image(files: SourceFiles, path: str, data: dict) -> str:
    """Find the image: a name of an upload, of a local folder, or an address."""
    names = []
    for value in data.values():
        if isinstance(value, str):
            parts = urlsplit(value)
            name = parse_qs(parts.query).get('d', [unquote(parts.path)])[0]
            names += [name] if name.lower().endswith(IMAGES) else []
    need(len(names) == 1, f'has {len(names)} images in its data, expected one')
    name = names[0].lstrip('/')
    try:
        return files.image(name, path)
    except InputError:
        base = os.path.basename(name)
        if not UPLOADED.match(base):
            raise
        return files.image(UPLOADED.sub('', base), path)


def _shape(one: dict) -> Shape:
    kind, value = one['type'], one['value']
    size = np.array([one['original_width'], one['original_height']]) / 100
    width, height = map(float, size)
    if kind == 'polygonlabels':
        draw = partial(polygon_mask, [[as_ring(value['points']) * size]])
    elif kind == 'brushlabels':
        need(value.get('format') == 'rle', f'a brush in {value.get("format")!r}')
        draw = partial(brush_mask, value['rle'])
    elif kind == 'rectanglelabels':
        left, top = value['x'] * width, value['y'] * height
        sides = value['width'] * width, value['height'] * height
        box = box_ring(left, top, *sides, value.get('rotation', 0), (left, top))
        draw = partial(polygon_mask, [[box]])
    else:
        draw = partial(
            ellipse_mask, value['x'] * width, value['y'] * height,
            value['radiusX'] * width, value['radiusY'] * height,
            value.get('rotation', 0),
        )  # fmt: skip
    labels = value.get(kind) or []
    if len(labels) != 1:
        return Shape(None, draw, f'{len(labels)} labels')
    return Shape(class_name(labels[0]), draw)
