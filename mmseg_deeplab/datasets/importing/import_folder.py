"""Write a folder for :class:`FolderDataset` from the files of an annotation tool."""

import hashlib
import io
import os
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_deeplab.datasets.class_list import ClassList
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.image_formats import (
    check_header,
    exif_orientation,
    read_header,
)
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.utils.label_png import label_png
from mmseg_deeplab.utils.output_names import check_owner, output_names
from mmseg_deeplab.utils.progress import Progress

from .annotated_images import BOX_ONLY, AnnotatedImage, Annotations, need
from .annotation_formats import read_annotations
from .import_report import ImportReport
from .imported_classes import IGNORE_INDEX, choose_classes, write_class_list
from .shape_masks import Patch, Size
from .source_files import IMAGES, SourceFiles

SUFFIXES = {
    'JPEG': '.jpg', 'PNG': '.png', 'TIFF': '.tif', 'BMP': '.bmp', 'WEBP': '.webp'
}  # fmt: skip
TURNED = 5  # EXIF orientations from here on swap height and width


@dataclass(frozen=True)
class ImportOptions:
    """How annotations become masks."""

    format: str = 'auto'  # or a key of FORMATS
    images: str | None = None  # the folder of the images, if it is not the source
    labels: str | None = None  # a class list: the classes to import, and their order
    smaller_first: bool = False  # the smaller of two objects lies above, not the later
    background: bool = True  # pixels without an object become class 0, not 255
    val: float = 0.2  # the part of the images for validation, if there are no splits


def import_folder(
    source: str, out: str | Path, options: ImportOptions = ImportOptions()
) -> ImportReport:
    """Write ``images``, ``labels``, ``labels.txt``, lists of splits, ``import.json``.

    Images are hard links where the file system allows it, else copies. Nothing outside
    ``out`` is written, whatever names the annotations hold.

    Raises:
        InputError: If ``out`` is not empty, no format fits or several do, two images
            would have one name, or nothing could be imported.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f'{out}: is not empty. Remedy: give another --out')
    if not 0 <= options.val < 1:
        raise InputError(f'--val is {options.val}, expected at least 0 and below 1')
    files = SourceFiles(source, options.images, options.labels)
    kind, annotations = read_annotations(files, options.format)
    report = ImportReport(source, kind, str(out), left_out=annotations.left_out)
    names = name_images(annotations, files.image_root)
    classes, fill = choose_classes(annotations, files.class_list, options.background)
    report.passed_over = annotations.passed_over
    report.labels_file = write_class_list(classes, out)
    report.pixels = Counter(dict.fromkeys(classes.names, 0))
    writer = Writer(out, classes, fill, options.smaller_first, report)
    written: dict[str, str | None] = {}
    with Progress('import', len(annotations.images), unit='images') as progress:
        for image in annotations.images:
            with annotations.entry(image.path):
                mask, suffix = writer.draw(image)
                written[f'{names[image.path]}{suffix}'] = image.split
            if image.path not in annotations.left_out:
                writer.save(image.path, names[image.path], mask, suffix)
            progress.advance()
    if not written:
        (out / report.labels_file).unlink()
        faults = '; '.join(f'{p}: {why}' for p, why in [*report.left_out.items()][:3])
        raise InputError(f'{source}: nothing could be imported: {faults}')
    taken = {os.path.realpath(image.path) for image in annotations.images}
    taken |= {os.path.realpath(path) for path in annotations.masks}
    report.without_annotation = sum(
        path.lower().endswith(IMAGES) and os.path.realpath(path) not in taken
        for paths in files.by_name.values()
        for path in paths
    )
    _write_splits(written, options.val, out, report)
    write_json(out / 'import.json', report.to_dict())
    return report


def name_images(annotations: Annotations, root: str) -> dict[str, str]:
    """Name the outputs of each image: its path below ``root``, with __ for folders."""
    first: dict[str, str] = {}
    for image in annotations.images:
        real = os.path.realpath(image.path)
        if real in first:
            raise InputError(
                f'{image.path} is annotated in {first[real]} and in {image.place}. '
                'Remedy: give one of these files as SRC, with --images'
            )
        first[real] = image.place
    paths = [image.path for image in annotations.images]
    owners: dict[str, str] = {}
    named = {}
    for path, name in zip(paths, output_names(paths, root), strict=True):
        name = re.sub(r'\s', '_', re.sub(r'^\.', '_', name.replace(os.sep, '__')))
        check_owner(owners, name.lower(), path)
        named[path] = name
    return named


@dataclass
class Writer:
    """Draws and writes one image after another, and counts in ``report``."""

    out: Path
    classes: ClassList
    fill: int
    smaller_first: bool
    report: ImportReport

    def __post_init__(self) -> None:
        self.ids = {name: number for number, name in enumerate(self.classes.names)}
        self.palette = np.zeros((IGNORE_INDEX + 1, 3), np.uint8)
        self.palette[: len(self.classes.names)] = self.classes.colors
        self.palette[IGNORE_INDEX] = self.classes.ignored[0]

    def draw(self, image: AnnotatedImage) -> tuple[np.ndarray, str]:
        """Return the mask of an image, and the suffix for its format."""
        content = read_file(image.path, remedy='correct SRC or --images')
        header = read_header(io.BytesIO(content), image.path)
        check_header(header, image.path)
        need(
            header.format in SUFFIXES,
            f'a {header.format} file. Remedy: save it as PNG',
        )
        size = header.height, header.width
        if exif_orientation(content) >= TURNED:
            size = size[::-1]
        need(
            image.size in (None, size),
            f'{image.place} has height and width {image.size}, the image (turned as '
            f'EXIF says) {size}. Remedy: give the images that were annotated',
        )
        return self._draw_shapes(image, size), SUFFIXES[header.format]

    def save(self, path: str, name: str, mask: np.ndarray, suffix: str) -> None:
        """Write the image of a path, and its mask."""
        target = self.out / 'images' / f'{name}{suffix}'
        target.parent.mkdir(parents=True, exist_ok=True)
        _link_or_copy(path, target)
        labels = label_png(mask, self.palette)
        write_whole(labels, self.out / 'labels' / f'{name}.png')

    def _draw_shapes(self, image: AnnotatedImage, size: Size) -> np.ndarray:
        """Draw the shapes; nothing is counted if one of them cannot be drawn."""
        mask = np.full(size, self.fill, np.uint8)
        drawn = np.zeros(size, bool)
        objects, unknown, empty, overlaps = Counter(), Counter(), 0, 0
        areas = ((shape, shape.draw(size)) for shape in self._ordered(image))
        patches = (
            (shape, area if isinstance(area, Patch) else Patch(area))
            for shape, area in areas
        )
        if self.smaller_first:
            patches = sorted(patches, key=lambda pair: -int(pair[1].mask.sum()))
        for shape, patch in patches:
            area, place = patch.mask, patch.place
            if not area.any():
                empty += not shape.may_be_empty
                continue
            number = self.ids.get(shape.name, IGNORE_INDEX)
            if number == IGNORE_INDEX:
                unknown[shape.why or f'{shape.name} is not in the class list'] += 1
            else:
                objects[shape.name] += 1
                overlaps += int((area & drawn[place] & (mask[place] != number)).sum())
                drawn[place] |= area
            mask[place][area] = number
        counts = np.bincount(mask.ravel(), minlength=256)
        report = self.report
        report.objects.update(objects)
        report.without_class.update(unknown)
        report.empty_objects += empty
        report.overlaps += overlaps
        for name, number in self.ids.items():
            report.pixels[name] += int(counts[number])
        report.ignored_pixels += int(counts[IGNORE_INDEX])
        if not objects and not unknown:
            report.without_objects.append(image.path)
        return mask

    @staticmethod
    def _ordered(image: AnnotatedImage) -> list:
        """Put boxes below all shapes: they cover more than their object."""
        return sorted(image.shapes, key=lambda shape: shape.why != BOX_ONLY)


def _link_or_copy(path: str, target: Path) -> None:
    try:
        os.link(os.path.realpath(path), target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)


def _write_splits(
    written: dict[str, str | None], val: float, out: Path, report: ImportReport
) -> None:
    """Write the names of each split's images; without a val split, choose one."""
    report.chosen_splits = 'as in the source'
    splits = {name: split or 'train' for name, split in written.items()}
    if 'val' not in splits.values():
        names = [name for name, split in splits.items() if split == 'train']
        names.sort(key=lambda name: hashlib.sha256(os.fsencode(name)).digest())
        count = min(max(round(val * len(names)), val > 0), max(len(names) - 1, 0))
        splits |= dict.fromkeys(names[:count], 'val')
        report.chosen_splits = 'val is chosen by hashes of the names'
    for split in ('train', 'val', 'test'):
        names = sorted(name for name, one in splits.items() if one == split)
        if names:
            report.splits[split] = len(names)
            text = ''.join(f'{name}\n' for name in names)
            write_whole(os.fsencode(text), out / f'{split}.txt')
