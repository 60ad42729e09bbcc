"""Write predictions to files that appear whole or not at all."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.label_png import label_png
from mmseg_deeplab.utils.local_paths import require_local

from .input_files import InputFile
from .overlay import paint
from .panoptic_files import write_segments
from .predictor import Prediction

# All outputs: the folder, and the suffixes of images, rasters and videos.
OUTPUTS = dict(
    labels=('.png', '.tif', '.mkv'),
    overlays=('.jpg', '.mp4', '.mkv'),
    probabilities=('.npy', '.tif'),
    panoptic=('.png', '.json'),
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

    def __post_init__(self) -> None:
        require_local(self.folder, 'out')

    def path(self, item: InputFile, part: str, suffix: str) -> Path:
        """Return a path; ``part`` is labels, overlays or probabilities."""
        return self.folder / part / f'{item.name}{suffix}'

    def are_finished(self, item: InputFile, *, since: float) -> bool:
        """Tell whether it has all outputs, none older than it or than ``since``, s."""
        for suffix, others in _OTHER_PARTS.items():
            paths = [self.path(item, 'labels', suffix)]
            paths += [
                self.path(item, *o) for o in others.items() if getattr(self, o[0])
            ]
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
        path = self.path(item, 'labels', '.png')
        write_whole(label_png(prediction.labels, palette, ids), path)


def save_image(path: str | Path, image: np.ndarray) -> None:
    """Write RGB ``(H, W, 3)`` uint8 by the suffix; JPEG has quality 95."""
    bgr = np.ascontiguousarray(image[..., ::-1])
    _, content = cv2.imencode(Path(path).suffix, bgr)
    write_whole(content.tobytes(), Path(path))


def write_labels(
    path: str | Path, labels: np.ndarray, palette: Sequence[Sequence[int]]
) -> None:
    """Write class ids ``(H, W)`` as a PNG in the colours of the classes."""
    write_whole(label_png(labels, palette), Path(path))


def write_probabilities(path: str | Path, probabilities: np.ndarray) -> None:
    """Write probabilities ``(K, H, W)`` as ``.npy`` in float16: three digits."""
    content = io.BytesIO()
    np.save(content, probabilities.astype(np.float16))
    write_whole(content.getvalue(), Path(path))
