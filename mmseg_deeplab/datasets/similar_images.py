"""Images that look alike although their files differ: resized, re-encoded, brightened.

A perceptual hash as dHash (N. Krawetz, "Kind of like that", 2013): an image is reduced
to 16 x 17 cells, and each cell is compared with its right neighbour. dHash has a bit
for brighter or darker; here cells that are alike say nothing, so that images with the
same black border are not taken for the same image.
"""

from collections.abc import Iterator

import cv2
import numpy as np

SIDE = 16
FINER = 4  # cells of the first reduction in one, so that its rounding does not count
ALIKE = 0.05  # of the standard deviation of the cells: a smaller difference is none
BLOCK = 2048  # rows that are compared with all others at once
# Measured in docs/splits.md: copies of another size, brightness or JPEG quality are
# more similar than this, images of other places less.
SIMILAR = 0.9


def brightness_steps(image: np.ndarray) -> np.ndarray:
    """Return ``(256,)`` int8 for ``(H, W)`` or ``(H, W, C)``: 1 is up, -1 down."""
    # OpenCV resizes four bands at most, and these types.
    if image[0, 0].size > 4 or image.dtype not in (np.uint8, np.uint16, np.float32):
        image = image.reshape(*image.shape[:2], -1).mean(2, dtype=np.float32)
    fine = FINER * (SIDE + 1), FINER * SIDE
    small = cv2.resize(image, fine, interpolation=cv2.INTER_AREA).astype(np.float32)
    small = np.nan_to_num(small.reshape(*small.shape[:2], -1).mean(2))
    cells = cv2.resize(small, (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA)
    steps = np.diff(cells, axis=1).ravel()
    return (np.sign(steps) * (abs(steps) > ALIKE * cells.std())).astype(np.int8)


def most_similar(ones: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the most similar of the others ``(M, 256)`` for each one ``(N, 256)``.

    Returns their indices and similarities: the cosine of the angle between the steps of
    both, 1 for the same image and about 0 for two that have nothing in common.
    """
    ones, others = _units(ones), _units(others)
    parts = (ones[i : i + BLOCK] @ others.T for i in range(0, len(ones), BLOCK))
    best = [(part.argmax(1), part.max(1)) for part in parts]
    index, similarity = (np.concatenate(one) for one in zip(*best, strict=True))
    return index, similarity


def similar_groups(
    steps: np.ndarray, at_least: float = SIMILAR
) -> Iterator[np.ndarray]:
    """Yield the indices of an image and all later ones that are similar to it.

    An image without any yields nothing. All pairs at once could fill the memory.
    """
    units = _units(steps)
    for start in range(0, len(units), BLOCK):
        block = units[start : start + BLOCK] @ units[start:].T
        similar = np.triu(block >= at_least, 1)
        for row in np.flatnonzero(similar.any(1)):
            yield start + np.append(row, np.flatnonzero(similar[row]))


def _units(steps: np.ndarray) -> np.ndarray:
    """Scale to length 1; an image without steps stays 0, and similar to none."""
    steps = np.asarray(steps, np.float32)
    return steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1)
