"""A picture of some scenes with their labels, for people to look at."""

from collections.abc import Sequence

import cv2
import numpy as np

from .classes import PALETTE
from .compose import render_scene

GAP = 6  # pixels of white between scenes
FINER = 3


def colour_label(label: np.ndarray) -> np.ndarray:
    """A label ``(H, W)`` in the colours of its classes, ``(H, W, 3)`` BGR."""
    return np.array(PALETTE, np.uint8)[:, ::-1][label]


def draw_sheet(
    indices: Sequence[int],
    *,
    split: str = 'val',
    size: tuple[int, int] = (132, 264),
    columns: int = 3,
    seed: int = 0,
) -> np.ndarray:
    """Draw scenes in rows, each image above its label.

    Images are drawn finer and averaged, which calms noise and edges.

    Args:
        indices: Numbers of the scenes.
        split: Their split.
        size: Height and width of each image.
        columns: Number of scenes in a row.
        seed: Number of the collection.

    Returns:
        ``(H, W, 3)`` uint8, BGR.
    """
    height, width = size
    rows = -(-len(indices) // columns)
    tile = (2 * height + GAP, width + GAP)
    sheet = np.full((rows * tile[0] - GAP, columns * tile[1] - GAP, 3), 255, np.uint8)
    for number, index in enumerate(indices):
        fine, _ = render_scene(split, index, (FINER * height, FINER * width), seed)
        image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
        _, label = render_scene(split, index, size, seed)
        pair = np.concatenate([image, colour_label(label)])
        top, left = number // columns * tile[0], number % columns * tile[1]
        sheet[top : top + 2 * height, left : left + width] = pair
    return sheet
