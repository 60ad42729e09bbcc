"""What a visitor sees of a prediction and can download."""

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_deeplab.inference import Prediction, paint
from mmseg_deeplab.inference.predictor import Segments
from mmseg_deeplab.utils.label_png import label_png

from .demo_models import Choice

LONGEST_EDGE = 1280  # px, in the page; downloads have the size of the image
SEEN_AS_BLACK = (128, 128, 128)  # overlays leave black classes bare


@dataclass(frozen=True)
class Result:
    """The prediction of a model."""

    labels: np.ndarray  # (H, W) class ids
    seconds: float  # how long the prediction took
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]  # R, G, B
    segments: Segments | None = None  # of a panoptic model

    def annotations(
        self, opacity: float
    ) -> tuple[list[tuple[np.ndarray, str]], dict[str, str]]:
        """Return masks and colours as ``gr.AnnotatedImage`` takes them, for 0..1."""
        shown = shrink(self.labels, cv2.INTER_NEAREST)
        counts = np.bincount(self.labels.ravel())
        infos = self.segments.infos if self.segments else ()
        instances = Counter(s['category_id'] for s in infos if s['isthing'])
        masks, colours = [], {}
        for k in np.argsort(-counts, kind='stable')[: np.count_nonzero(counts)]:
            share = counts[k] / self.labels.size
            percent = f'{share:.1%}' if share >= 0.0005 else '< 0.1%'
            number = f'{instances[k]} x ' if instances[k] else ''
            text = f'{number}{self.classes[k]} {percent}'
            masks.append(((shown == k) * opacity, text))
            colour = self.palette[k] if any(self.palette[k]) else SEEN_AS_BLACK
            colours[text] = '#{:02x}{:02x}{:02x}'.format(*colour)
        return masks, colours

    def overlay(self, image: np.ndarray, opacity: float) -> np.ndarray:
        """Return the image, whole or shrunk, under the colours of its classes."""
        labels, segments = self.labels, self.segments
        if labels.shape != image.shape[:2]:
            labels = shrink(labels, cv2.INTER_NEAREST)
            if segments is not None:
                ids = shrink(segments.ids, cv2.INTER_NEAREST)
                segments = Segments(ids, segments.infos)
        prediction = Prediction(labels, segments=segments)
        return paint(image, prediction, self.palette, opacity=opacity)

    def labels_png(self) -> bytes:
        return label_png(self.labels, self.palette)


@dataclass
class Scene:
    """The image of one visitor and its results; gradio keeps it between two clicks."""

    path: str
    image: np.ndarray  # (H, W, 3) uint8, RGB
    results: dict[Choice, Result] = field(default_factory=dict)
    values: np.ndarray | None = None  # (H, W, C) bands that the model reads

    @property
    def seen(self) -> np.ndarray:
        """What the models see."""
        return self.image if self.values is None else self.values

    def file_name(self, choice: Choice, kind: str) -> str:
        """Return the name of a download."""
        words = (Path(self.path).stem, *choice.words, kind)
        name = '_'.join(re.sub(r'[^\w.-]+', '-', word) for word in words)
        return f'{name[-120:]}.png'


def shrink(array: np.ndarray, interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    """Shrink an image or a label map to what the page shows; never enlarge it."""
    height, width = array.shape[:2]
    ratio = LONGEST_EDGE / max(height, width)
    if ratio >= 1:
        return array
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return cv2.resize(array, size, interpolation=interpolation)


def to_png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, 'PNG', compress_level=3)
    return content.getvalue()
