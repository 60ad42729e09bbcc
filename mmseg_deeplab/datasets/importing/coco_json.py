"""COCO: instances as polygons or run lengths, and panoptic PNG files."""

import os
from collections import defaultdict
from functools import lru_cache, partial
from typing import Any

import numpy as np

from mmseg_deeplab.utils.image_files import decode, read_file
from mmseg_deeplab.utils.json_files import parse_json

from .annotated_images import (
    BOX_ONLY,
    AnnotatedImage,
    Annotations,
    Shape,
    class_name,
    need,
)
from .shape_masks import (
    Size,
    as_ring,
    box_ring,
    coco_counts,
    polygon_mask,
    runs_mask,
)
from .source_files import SourceFiles


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list)
        for key in ('images', 'annotations', 'categories')
    )


def fits_panoptic(content: Any) -> bool:
    return _is_coco(content) and any(
        isinstance(one, dict) and 'segments_info' in one
        for one in content['annotations']
    )


def fits_instances(content: Any) -> bool:
    """Tell apart from captions and key points, which have no outlines."""
    if not _is_coco(content):
        return False
    rows = [one for one in content['annotations'] if isinstance(one, dict)]
    return not rows or any('segmentation' in one or 'bbox' in one for one in rows)


def read_instances(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations()
    for path in _without_parts(found):
        with result.entry(path):
            content = parse_json(read_file(path, remedy='correct SRC'), path)
            names = _categories(content, result)
            info = content.get('info')
            if isinstance(info, dict) and info.get('every_pixel') is True:
                result.labels_every_pixel = True  # mmseg-deeplab predict --polygons
            objects = defaultdict(list)
            for one in content['annotations']:
                objects[one['image_id']].append(one)
            for image in content['images']:
                with result.entry(f'{path}, image {image.get("file_name")!r}'):
                    shapes = [_instance(one, names) for one in objects[image['id']]]
                    _add(result, files, path, image, shapes)
            if lost := objects.keys() - {image['id'] for image in content['images']}:
                result.passed_over['objects of images that are not listed'] += sum(
                    len(objects[one]) for one in lost
                )
    return result


def _without_parts(found: list[str]) -> list[str]:
    """Leave out files of single images that ``predict`` has joined in coco.json."""
    folders = (os.path.dirname(p) for p in found if os.path.basename(p) == 'coco.json')
    parts = tuple(
        os.path.join(folder, 'coco', '')
        for folder in folders
        if os.path.isfile(os.path.join(folder, 'predict.json'))
    )
    return [path for path in found if not path.startswith(parts)]


def _categories(content: dict, result: Annotations) -> dict[int, str]:
    """Add the classes of a file, by their ids; return names by id."""
    rows = sorted(content['categories'], key=lambda one: one['id'])
    names = {one['id']: class_name(one['name']) for one in rows}
    result.names += [name for name in names.values() if name not in result.names]
    for one in rows:
        if isinstance(color := one.get('color'), list) and len(color) == 3:
            result.colors[names[one['id']]] = tuple(int(c) % 256 for c in color)
    return names


def _add(
    result: Annotations,
    files: SourceFiles,
    path: str,
    image: dict,
    shapes: list[Shape],
    but_below: str = '',
) -> None:
    found = files.image(image['file_name'], path, but_below=but_below)
    size = image.get('height'), image.get('width')
    size = None if None in size else size
    split = files.split_of(found, path)
    result.images.append(AnnotatedImage(found, path, shapes, size, split))


def _instance(one: dict, names: dict[int, str]) -> Shape:
    name = names.get(one['category_id'])
    why = '' if name else f'category id {one["category_id"]!r} without a category'
    outline = one.get('segmentation')
    if isinstance(outline, dict):
        size, counts = outline['size'], outline['counts']
        if isinstance(counts, str):
            counts = coco_counts(counts)
        return Shape(name, partial(_runs, counts, tuple(size)), why)
    if outline:
        rings = [[as_ring(ring)] for ring in outline]
        return Shape(name, partial(polygon_mask, rings), why)
    box = box_ring(*map(float, one['bbox']))
    return Shape(None, partial(polygon_mask, [[box]]), BOX_ONLY)


def _runs(counts: list[int], said: Size, size: Size) -> np.ndarray:
    need(
        said == size,
        f'run lengths for height and width {said}, but the image has {size}',
    )
    return runs_mask(counts, size, order='F')


def read_panoptic(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations(labels_every_pixel=True)
    for path in found:
        with result.entry(path):
            content = parse_json(read_file(path, remedy='correct SRC'), path)
            names = _categories(content, result)
            masks = os.path.splitext(path)[0]  # the folder of the PNG files
            images = {one['id']: one for one in content['images']}
            for one in content['annotations']:
                image = images.get(one['image_id'], {})
                name = image.get('file_name', one['image_id'])
                with result.entry(f'{path}, image {name!r}'):
                    need(image, 'is not among the images of the file')
                    png = os.path.join(masks, os.path.basename(one['file_name']))
                    if not os.path.isfile(png):
                        png = files.image(one['file_name'], path)
                    result.masks.add(png)
                    _add(result, files, path, image, _segments(one, png, names), masks)
    return result


def _segments(one: dict, png: str, names: dict[int, str]) -> list[Shape]:
    by_class, ids = defaultdict(list), [0]
    for segment in one['segments_info']:
        by_class[segment['category_id']].append(int(segment['id']))
        ids.append(int(segment['id']))
    shapes = [
        Shape(
            names.get(category),
            partial(_ids_mask, png, tuple(members)),
            '' if category in names else f'category id {category!r} without a category',
        )
        for category, members in by_class.items()
    ]
    rest = partial(_ids_mask, png, tuple(ids), invert=True)
    return [*shapes, Shape(None, rest, 'segments without an entry', True)]


def _ids_mask(
    png: str, ids: tuple[int, ...], size: Size, *, invert: bool = False
) -> np.ndarray:
    image = _read_ids(png)
    need(image.shape == size, f'{png} is {image.shape}, but the image has {size}')
    return np.isin(image, ids, invert=invert)


@lru_cache(maxsize=1)
def _read_ids(png: str) -> np.ndarray:
    """Read ids ``(H, W)``: R + 256 G + 65536 B."""
    content = read_file(png, remedy='export it again')
    image = decode(content, png, flag='unchanged', backend='cv2')
    need(image.ndim == 3, f'{png}: is grey, expected ids in R, G and B')
    return image[..., 2::-1].astype(np.int64) @ np.array([1, 256, 65536])
