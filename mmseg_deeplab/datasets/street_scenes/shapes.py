"""Plain shapes from rational arithmetic, which is the same on every machine."""

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=16)
def disc(corners: int) -> np.ndarray:
    """A unit circle as ``(corners, 2)`` points in order.

    The usual half-angle form, ``((1 - t^2), 2 t) / (1 + t^2)``, avoids sine and cosine,
    whose last digit differs between math libraries.
    """
    t = (np.arange(corners // 2) + 0.5) / (corners // 2) * 2 - 1
    x, y = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    points = np.stack([np.append(x, -x[::-1]), np.append(y, y[::-1])], axis=1)
    points.flags.writeable = False  # shared between calls
    return points


def inset(
    quad: np.ndarray, left: float, right: float, low: float, high: float
) -> np.ndarray:
    """A part of a quad ``(4, 3)``: bottom left, bottom right, top right, top left.

    Args:
        quad: The corners.
        left: Share of the width where the part begins.
        right: Share of the width where it ends.
        low: Share of the height where it begins.
        high: Share of the height where it ends.
    """
    bottom_left, bottom_right, top_right, top_left = quad

    def at(across: float, up: float) -> np.ndarray:
        bottom = bottom_left + across * (bottom_right - bottom_left)
        return bottom + up * (top_left + across * (top_right - top_left) - bottom)

    return np.stack([at(left, low), at(right, low), at(right, high), at(left, high)])
