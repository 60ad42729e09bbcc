"""Colours for classes that have none."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import cycle, islice

import cv2
import numpy as np

Color = tuple[int, int, int]  # R, G, B

BLACK, WHITE = (0, 0, 0), (255, 255, 255)
BACKGROUNDS = frozenset({'background', '_background_', '__background__'})
LEVELS = range(0, 256, 17)  # of R, G and B: 4096 candidates
# L* of CIELAB, 0 to 100: darker colours look black over an image, lighter ones white.
LIGHTNESS = 25, 95


def class_colors(names: Sequence[str]) -> list[Color]:
    """Return a colour for each class: black for the background, else told apart.

    Overlays leave a class bare whose colour is black.
    """
    others = iter(distinct_colors(len(names)))
    return [BLACK if name.lower() in BACKGROUNDS else next(others) for name in names]


@lru_cache
def distinct_colors(count: int) -> tuple[Color, ...]:
    """Return colours that differ from each other, from black and from white.

    Each is the candidate farthest from all before it in CIELAB, where distances are
    near to differences that people see. So the first ones do not depend on ``count``.
    With more than some 3,000 they repeat.
    """
    grid = np.array(np.meshgrid(LEVELS, LEVELS, LEVELS)).reshape(3, -1).T
    lab = to_lab(grid)
    darkest, lightest = LIGHTNESS
    kept = (darkest <= lab[:, 0]) & (lab[:, 0] <= lightest)
    grid, lab = grid[kept], lab[kept]
    edges = to_lab([BLACK, WHITE])
    room = np.linalg.norm(lab[:, None] - edges, axis=2).min(axis=1)
    found: list[Color] = []
    for _ in range(min(count, len(grid))):
        best = int(room.argmax())
        found.append(tuple(grid[best].tolist()))
        room = np.minimum(room, np.linalg.norm(lab - lab[best], axis=1))
    return tuple(islice(cycle(found), count))


def nearest(colors: Sequence[Sequence[int]]) -> float:
    """Return the distance in CIELAB of the two colours that are most alike."""
    lab = to_lab(colors)
    distances = np.linalg.norm(lab[:, None] - lab, axis=2)
    return float(distances[~np.eye(len(lab), dtype=bool)].min(initial=np.inf))


def to_lab(colors: Sequence[Sequence[int]]) -> np.ndarray:
    """Convert R, G, B to CIELAB, ``(K, 3)``."""
    rgb = np.asarray(colors, np.float32)[None] / 255
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab)[0]
