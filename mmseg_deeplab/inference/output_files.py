"""Write predictions to files that appear whole or not at all."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole
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
    ) -> None:
        """Write all outputs of an image; the labels come last."""
        if self.probabilities:
            path = self.path(item, 'probabilities', '.npy')
            write_probabilities(path, prediction.probabilities)
        if self.overlays:
            painted = paint(image, prediction, palette, opacity=self.opacity)
            save_image(self.path(item, 'overlays', '.jpg'), painted)
        if prediction.segments is not None:
            path = self.path(item, 'panoptic', '.png')
            write_segments(path, prediction.segments, classes)
        write_labels(self.path(item, 'labels', '.png'), prediction.labels)


def save_image(path: str | Path, image: np.ndarray) -> None:
    """Write RGB ``(H, W, 3)`` uint8, or ``(H, W)`` uint8 or uint16, by the suffix.

    JPEG has quality 95.
    """
    if image.ndim == 3:
        image = image[..., ::-1]  # OpenCV writes BGR
    _, content = cv2.imencode(Path(path).suffix, np.ascontiguousarray(image))
    write_whole(content.tobytes(), Path(path))


def write_labels(path: str | Path, labels: np.ndarray) -> None:
    """Write class ids ``(H, W)``, uint8 or uint16, as a grey PNG."""
    if labels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f'labels must be uint8 or uint16, received {labels.dtype}')
    save_image(path, labels)


def write_probabilities(path: str | Path, probabilities: np.ndarray) -> None:
    """Write probabilities ``(K, H, W)`` as ``.npy`` in float16: three digits."""
    content = io.BytesIO()
    np.save(content, probabilities.astype(np.float16))
    write_whole(content.getvalue(), Path(path))
