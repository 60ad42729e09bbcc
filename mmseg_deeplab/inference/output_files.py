"""Write predictions to files that appear whole or not at all."""

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.array_files import save_array, save_image
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.label_png import label_png
from mmseg_deeplab.utils.local_paths import require_local
from mmseg_deeplab.utils.raster_reader import load_rasterio

from .input_files import InputFile
from .overlay import paint
from .panoptic_files import write_segments
from .polygon_files import SUFFIXES, Traced, background, merge_coco, write_polygons
from .polygons import Area, trace_prediction
from .predictor import Prediction

# All outputs: the folder, and the suffixes of images, rasters and videos.
OUTPUTS = dict(
    labels=('.png', '.tif', '.mkv'),
    overlays=('.jpg', '.mp4', '.mkv'),
    probabilities=('.npy', '.tif'),
    panoptic=('.png', '.json'),
    **{kind: (suffix,) for kind, suffix in SUFFIXES.items()},
)
# The suffix of the labels -> the other outputs of an image that must be there.
_OTHER_PARTS = {
    '.png': dict(overlays='.jpg', probabilities='.npy'),
    '.tif': dict(probabilities='.tif'),
    '.mkv': {},
}


@dataclass(frozen=True)
class FileOutputs:
    """Which files are written for an input, and where."""

    folder: Path  # it gets labels, overlays and probabilities
    overlays: bool = True  # whether to paint the labels over the images
    probabilities: bool = False  # whether to write probabilities
    opacity: float = 0.5  # how much the colours of overlays cover, 0..1
    ids: str = 'train'  # or 'label': values of masks as in the files of the data set
    polygons: str | None = None  # 'coco', 'labelme' or 'geojson': also write outlines
    simplify: float = 0.0  # px; see :func:`~mmseg_deeplab.inference.polygons.trace`

    def __post_init__(self) -> None:
        require_local(self.folder, 'out')
        if self.polygons:
            load_rasterio()  # before anything is predicted
        if not 0 <= self.opacity <= 1:
            raise InputError(f'opacity must be in 0..1, received {self.opacity}')
        if not 0 <= self.simplify < math.inf:
            raise InputError(f'simplify must be 0 or more, received {self.simplify}')

    def path(self, item: InputFile, part: str, suffix: str) -> Path:
        """Return a path; ``part`` is labels, overlays or probabilities."""
        return self.folder / part / f'{item.name}{suffix}'

    def video_overlay(self, item: InputFile) -> Path:
        """Return the path of a painted video; Matroska takes sound of any codec."""
        is_mp4 = item.path.lower().endswith(('.mp4', '.m4v'))
        return self.path(item, 'overlays', '.mp4' if is_mp4 else '.mkv')

    def polygons_path(self, item: InputFile) -> Path:
        """Return the path of an input's outlines."""
        return self.path(item, self.polygons, SUFFIXES[self.polygons])

    def begin(self, classes: Sequence[str], palette: Sequence[Sequence[int]]) -> None:
        """Write the class list, with which outlines can be imported again."""
        if self.polygons:
            # Data sets take time to be imported.
            from mmseg_deeplab.datasets.class_list import ClassList
            from mmseg_deeplab.datasets.importing.imported_classes import (
                write_class_list,
            )

            colors = tuple(map(tuple, palette))
            write_class_list(ClassList(tuple(classes), colors), self.folder)

    def finish(self, *, since: float) -> None:
        """Put the outlines of all images into one file, where the format has one.

        These are the images that have labels. Outlines older than ``since`` (POSIX
        time, s) do not count.
        """
        if self.polygons != 'coco':
            return
        labels = self.folder / 'labels'
        files = (
            path.relative_to(labels) for path in labels.rglob('*') if path.is_file()
        )
        names = sorted({file.with_suffix('.json') for file in files})
        paths = [self.folder / 'coco' / name for name in names]
        found = [p for p in paths if p.is_file() and p.stat().st_mtime >= since]
        merge_coco(found, self.folder / 'coco.json')

    def write_areas(self, item: InputFile, areas: Iterable[Area], **about: Any) -> None:
        """Write outlines; ``about`` is what else :class:`Traced` holds."""
        folder, base = os.path.dirname(item.name), os.path.basename(item.path)
        traced = Traced(item.path, os.path.join(folder, base), areas=areas, **about)
        write_polygons(traced, self.polygons_path(item), self.polygons)

    def are_finished(self, item: InputFile, *, since: float) -> bool:
        """Tell whether it has all outputs, none older than it or than ``since``."""
        for suffix, others in _OTHER_PARTS.items():
            paths = [self.path(item, 'labels', suffix)]
            paths += [
                self.path(item, *o) for o in others.items() if getattr(self, o[0])
            ]
            if suffix == '.png' and (self.folder / 'panoptic').is_dir():
                paths += [self.path(item, 'panoptic', s) for s in OUTPUTS['panoptic']]
            if self.overlays and suffix == '.mkv':
                paths.append(self.video_overlay(item))
            if self.polygons and suffix != '.mkv':
                paths.append(self.polygons_path(item))
            try:
                oldest = min(path.stat().st_mtime for path in paths)
                if oldest >= max(since, Path(item.path).stat().st_mtime):
                    return True
            except OSError:
                continue
        return False

    def write_image(
        self,
        item: InputFile,
        image: np.ndarray,
        prediction: Prediction,
        palette: Sequence[Sequence[int]],
        classes: Sequence[str],
        ids: Sequence[int] | None = None,
    ) -> None:
        """Write all outputs of an image; the labels come last, perhaps as ``ids``."""
        if self.probabilities:
            path = self.path(item, 'probabilities', '.npy')
            write_probabilities(path, prediction.probabilities)
        if self.overlays:
            painted = paint(image, prediction, palette, opacity=self.opacity)
            save_image(self.path(item, 'overlays', '.jpg'), painted)
        if prediction.segments is not None:
            path = self.path(item, 'panoptic', '.png')
            write_segments(path, prediction.segments, classes)
        if self.polygons:
            areas = trace_prediction(prediction, background(classes), self.simplify)
            about = dict(classes=classes, palette=palette)
            self.write_areas(item, areas, size=prediction.labels.shape, **about)
        path = self.path(item, 'labels', '.png')
        write_whole(label_png(prediction.labels, palette, ids), path)


def write_labels(
    path: str | Path, labels: np.ndarray, palette: Sequence[Sequence[int]]
) -> None:
    """Write class ids ``(H, W)`` as a PNG in the colours of the classes."""
    write_whole(label_png(labels, palette), Path(path))


def write_probabilities(path: str | Path, probabilities: np.ndarray) -> None:
    """Write probabilities ``(K, H, W)`` as ``.npy`` in float16: three digits."""
    save_array(path, probabilities.astype(np.float16))
