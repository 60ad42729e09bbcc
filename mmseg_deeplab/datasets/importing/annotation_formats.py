"""The formats that are imported, and how the format of a folder is found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.json_files import parse_json

from . import (
    coco_json,
    cvat_xml,
    label_studio,
    labelme_json,
    mask_folders,
    supervisely,
    yolo_polygons,
)
from .annotated_images import Annotations
from .source_files import SourceFiles


@dataclass(frozen=True)
class Format:
    """A reader, and how its files are told: by the content of JSON, or ``find``."""

    read: Callable[[SourceFiles, list[str]], Annotations]
    fits: Callable[[Any], bool] | None = None
    find: Callable[[SourceFiles], list[str]] | None = None


FORMATS = {
    'labelme': Format(labelme_json.read, fits=labelme_json.fits),
    'coco': Format(coco_json.read_instances, fits=coco_json.fits_instances),
    'coco-panoptic': Format(coco_json.read_panoptic, fits=coco_json.fits_panoptic),
    'cvat': Format(cvat_xml.read, find=cvat_xml.find),
    'label-studio': Format(label_studio.read, fits=label_studio.fits),
    'yolo': Format(yolo_polygons.read, find=yolo_polygons.find),
    'roboflow': Format(mask_folders.read_roboflow, find=mask_folders.find_roboflow),
    'supervisely': Format(supervisely.read, fits=supervisely.fits),
    'color-masks': Format(mask_folders.read_colors, find=mask_folders.find_colors),
    'class-masks': Format(
        mask_folders.read_class_masks, find=mask_folders.find_class_masks
    ),
}


def read_annotations(files: SourceFiles, name: str) -> tuple[str, Annotations]:
    """Read a folder in the format ``name``, or ``'auto'``: that which its files have.

    Returns the format's name, too. InputError if no format fits, or several do.
    """
    found, broken = find_formats(files)
    if name == 'auto':
        if len(found) != 1:
            fitting = ', '.join(f'{key} ({len(ps)} files)' for key, ps in found.items())
            faults = '; '.join(broken.values())
            raise InputError(
                f'{files.root}: has files of {len(found)} formats: {fitting}. Remedy: '
                'say which by --format'
                if found
                else f'{files.root}: has no annotations in a known format '
                f'({", ".join(FORMATS)}). {faults} Remedy: correct SRC'
            )
        (name,) = found
    if name not in found:
        raise InputError(
            f'{files.root}: has no file in the format {name}, but of: '
            f'{", ".join(found) or "none"}. Remedy: correct SRC or --format'
        )
    annotations = FORMATS[name].read(files, found[name])
    annotations.left_out |= broken
    return name, annotations


def find_formats(files: SourceFiles) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Find the files of each format, and JSON files that are none, with the reason."""
    found = {
        name: paths
        for name, one in FORMATS.items()
        if one.find and (paths := one.find(files))
    }
    broken = {}
    for path in files.ending('.json'):
        try:
            content = parse_json(read_file(path, remedy='correct SRC'), path)
        except InputError as error:
            broken[path] = str(error)
            continue
        for name, one in FORMATS.items():
            if one.fits and one.fits(content):
                found.setdefault(name, []).append(path)
    return found, broken
