"""Areas of masks as files of annotation tools and of maps: COCO, labelme, GeoJSON."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.class_colors import BACKGROUNDS
from mmseg_deeplab.utils.json_files import read_json

from .polygons import Area, join_holes, move

SUFFIXES = dict(coco='.json', labelme='.json', geojson='.geojson')


@dataclass(frozen=True)
class Traced:
    """An image and its areas."""

    path: str  # of the image
    name: str  # of the image, below the folder of the inputs
    size: tuple[int, int]  # height, width
    areas: Iterable[Area]
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    # Of a raster: from pixels to places on the map, see :func:`move`, and the name of
    # their coordinate system.
    transform: Sequence[float] = (1, 0, 0, 0, 1, 0)
    system: str | None = None


def write_polygons(traced: Traced, path: Path, kind: str) -> None:
    """Write one image's areas; ``kind`` is a key of :data:`SUFFIXES`."""
    content = dict(coco=to_coco, labelme=to_labelme, geojson=to_geojson)[kind]
    write_whole(json.dumps(content(traced, path.parent)).encode(), path)


def to_coco(traced: Traced, _: Path) -> dict[str, Any]:
    """Return COCO instances (https://cocodataset.org/#format-data) of one image."""
    height, width = traced.size
    image = dict(id=1, file_name=traced.name, height=height, width=width)
    annotations = []
    for number, area in enumerate(traced.areas, start=1):
        rings = [join_holes(polygon) for polygon in area.polygons]
        points = np.concatenate(rings)
        low = points.min(axis=0)
        annotations.append(
            dict(
                id=number,
                image_id=1,
                category_id=area.category + 1,
                segmentation=[ring.ravel().tolist() for ring in rings],
                area=area.size,
                bbox=[*low.tolist(), *(points.max(axis=0) - low).tolist()],
                iscrowd=0,
            )
        )
    categories = [
        dict(id=number, name=name, supercategory='', color=list(color))
        for number, (name, color) in enumerate(
            zip(traced.classes, traced.palette, strict=True), start=1
        )
    ]
    # With this, the import makes no class for pixels without an outline.
    info = dict(every_pixel=not background(traced.classes))
    return dict(
        info=info, images=[image], annotations=annotations, categories=categories
    )


def merge_coco(paths: Iterable[Path], target: Path) -> None:
    """Join the COCO files of single images into one."""
    images, annotations, others = [], [], {}
    for path in paths:
        content = read_json(path)
        others = {key: content[key] for key in ('info', 'categories')}
        number = len(images) + 1
        images += [dict(image, id=number) for image in content['images']]
        for one in content['annotations']:
            ids = dict(id=len(annotations) + 1, image_id=number)
            annotations.append(one | ids)
    content = dict(others, images=images, annotations=annotations)
    write_whole(json.dumps(content).encode(), target)


def background(classes: Sequence[str]) -> set[int]:
    """Return the classes without outlines: they are where no other class is."""
    return {k for k, name in enumerate(classes) if name.lower() in BACKGROUNDS}


def to_labelme(traced: Traced, folder: Path) -> dict[str, Any]:
    """Return a file of labelme, which finds the image by its path from ``folder``."""
    height, width = traced.size
    shapes = [
        dict(
            label=traced.classes[area.category],
            points=join_holes(polygon).tolist(),
            group_id=area.instance,
            description='',
            shape_type='polygon',
            flags={},
        )
        for area in traced.areas
        for polygon in area.polygons
    ]
    return dict(
        version='5.0.0',
        flags={},
        shapes=shapes,
        imagePath=Path(os.path.relpath(traced.path, folder)).as_posix(),
        imageData=None,
        imageHeight=height,
        imageWidth=width,
    )


def to_geojson(traced: Traced, _: Path) -> dict[str, Any]:
    """Return GeoJSON in map coordinates, else in pixels with y downwards.

    RFC 7946 has longitudes and latitudes alone; another coordinate system is named by
    the member ``crs`` of the format of 2008, which GDAL and QGIS read.
    """
    features = []
    for area in traced.areas:
        coordinates = [
            [
                move(np.concatenate([r, r[:1]]), traced.transform).tolist()
                for r in polygon
            ]
            for polygon in area.polygons
        ]
        geometry = dict(type='MultiPolygon', coordinates=coordinates)
        if len(coordinates) == 1:
            geometry = dict(type='Polygon', coordinates=coordinates[0])
        color = '#{:02x}{:02x}{:02x}'.format(*traced.palette[area.category])
        properties = {'class': traced.classes[area.category], 'id': area.category}
        properties |= dict(instance=area.instance, color=color)
        features.append(dict(type='Feature', properties=properties, geometry=geometry))
    collection: dict[str, Any] = dict(type='FeatureCollection', features=features)
    if traced.system:
        collection['crs'] = dict(type='name', properties=dict(name=traced.system))
    return collection
