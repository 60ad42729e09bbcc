"""Predictions painted over their image."""

import colorsys
from collections.abc import Sequence
from itertools import count

import cv2
import numpy as np

from mmseg_deeplab.utils.errors import InputError

from .predictor import Prediction, Segments

IGNORED = (0, 0, 0)
OUTLINE = (255, 255, 255)
GOLDEN = 0.618034  # hues that are multiples of the golden ratio lie far apart
CLASS_PART = 0.4  # of an instance's colour; the rest is its own hue


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint class ids ``(H, W)``; those outside the palette (ignored) become black."""
    table = np.full((max(256, len(palette)), 3), IGNORED, dtype=np.uint8)
    table[: len(palette)] = palette
    if len(table) > 256:
        return table[labels]
    return cv2.applyColorMap(np.ascontiguousarray(labels, np.uint8), table[:, None])


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    palette: Sequence[Sequence[int]],
    *,
    opacity: float = 0.5,
) -> np.ndarray:
    """Mix an RGB image ``(H, W, 3)`` uint8 with the colours of its labels ``(H, W)``.

    ``opacity`` 0 is the image alone, 1 the colours alone. A class whose colour is black
    (the background) stays bare: black would only darken it, as it does ignored pixels.
    """
    if not 0 <= opacity <= 1:
        raise InputError(f'opacity must be in 0..1, received {opacity!r}')
    if image.shape[:2] != labels.shape:
        raise InputError(
            f'image and labels must have one size, received {image.shape[:2]} and '
            f'{labels.shape}'
        )
    colours = colour_labels(labels, palette)
    mixed = cv2.addWeighted(image, 1 - opacity, colours, opacity, 0)
    for number, colour in enumerate(palette):
        if not any(colour):
            cv2.copyTo(image, (labels == number).view(np.uint8), mixed)
    return mixed


def paint(
    image: np.ndarray,
    prediction: Prediction,
    palette: Sequence[Sequence[int]],
    *,
    opacity: float = 0.5,
) -> np.ndarray:
    """Paint a prediction over its image: its classes, or its segments.

    Each instance has a colour of its own near that of its class, and a white outline.
    """
    segments = prediction.segments
    if segments is None:
        return overlay(image, prediction.labels, palette, opacity=opacity)
    colours, numbers = segment_colours(segments, palette), number_segments(segments)
    painted = overlay(image, numbers, colours, opacity=opacity)
    painted[outlines(segments)] = OUTLINE
    return painted


def number_segments(segments: Segments) -> np.ndarray:
    """Return for each pixel the place of its segment in the list, from 1; 0: none."""
    table = np.zeros(max((s['id'] for s in segments.infos), default=0) + 2, np.uint16)
    for number, segment in enumerate(segments.infos, start=1):
        table[segment['id']] = number
    return table[segments.ids]  # the id -1 is the last one of the table


def segment_colours(
    segments: Segments, palette: Sequence[Sequence[int]]
) -> list[Sequence[int]]:
    """Return colours for the numbers of :func:`number_segments`."""
    colours: list[Sequence[int]] = [IGNORED]
    instances = count(1)
    for segment in segments.infos:
        colour = palette[segment['category_id']]
        if segment['isthing']:
            own = colorsys.hsv_to_rgb(next(instances) * GOLDEN % 1, 0.8, 1)
            pairs = zip(colour, own, strict=True)
            colour = [
                round(CLASS_PART * a + (1 - CLASS_PART) * 255 * b) for a, b in pairs
            ]
        colours.append(colour)
    return colours


def outlines(segments: Segments) -> np.ndarray:
    """Return the pixels ``(H, W)`` below or right of an edge of an instance, bool."""
    ids = segments.ids
    things = np.isin(ids, [s['id'] for s in segments.infos if s['isthing']])
    edges = np.zeros(ids.shape, bool)
    edges[1:] |= (ids[1:] != ids[:-1]) & (things[1:] | things[:-1])
    edges[:, 1:] |= (ids[:, 1:] != ids[:, :-1]) & (things[:, 1:] | things[:, :-1])
    return edges


def class_shares(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the share of the pixels that each class has, ``(K,)``."""
    counts = np.bincount(labels.ravel(), minlength=num_classes)[:num_classes]
    return counts / max(labels.size, 1)
