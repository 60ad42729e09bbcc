"""An image grid of scenes with their labels, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np

from .render import render_scene
from .scene_options import PALETTE

GAP = 6  # pixels of white between scenes
FINER = 3  # images are drawn finer and averaged, which calms noise and edges
COLUMNS = 3


def draw_scene_grid(indices: Sequence[int], *, seed: int = 0) -> np.ndarray:
    """Draw validation scenes in rows, each above its label: ``(H, W, 3)``, BGR."""
    height, width = 132, 264
    pairs = []
    for index in indices:
        fine, _ = render_scene('val', index, (FINER * height, FINER * width), seed)
        image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
        _, label = render_scene('val', index, (height, width), seed)
        pair = np.concatenate([image, np.array(PALETTE, np.uint8)[label][..., ::-1]])
        pairs.append(np.pad(pair, ((0, GAP), (0, GAP), (0, 0)), constant_values=255))
    pairs += [np.full_like(pairs[0], 255)] * (-len(pairs) % COLUMNS)
    rows = [np.hstack(pairs[i : i + COLUMNS]) for i in range(0, len(pairs), COLUMNS)]
    return np.vstack(rows)[:-GAP, :-GAP]
