"""Image and label that are only ever drawn together, from the same masks."""

from collections.abc import Sequence

import cv2
import numpy as np

from .classes import SKY


class Canvas:
    """A picture in work: every stroke goes to the image and to the label.

    Attributes:
        image: ``(H, W, 3)`` float32, BGR, 0 .. 255 but not clipped yet.
        label: ``(H, W)`` uint8, the class of each pixel.
    """

    def __init__(self, height: int, width: int) -> None:
        self.image = np.zeros((height, width, 3), np.float32)
        self.label = np.full((height, width), SKY, np.uint8)

    def polygon(self, points: np.ndarray, colour: Sequence[float], label: int) -> None:
        """Fill a convex polygon of whole pixels, ``(n, 2)`` int32, no antialiasing."""
        cv2.fillConvexPoly(self.image, points, tuple(colour), cv2.LINE_8)
        cv2.fillConvexPoly(self.label, points, label, cv2.LINE_8)

    def stamp(
        self, top: int, left: int, mask: np.ndarray, colours: np.ndarray, label: int
    ) -> None:
        """Put ``colours`` (h, w, 3) where ``mask`` (h, w) is set, from a corner on."""
        height, width = mask.shape
        window = np.s_[top : top + height, left : left + width]
        np.copyto(self.image[window], colours, where=mask[..., None])
        self.label[window][mask] = label

    def window(
        self, left: float, top: float, right: float, bottom: float
    ) -> tuple[int, int, int, int] | None:
        """Clip a box to the picture: rows then columns, or None if outside."""
        height, width = self.label.shape
        first_row, last_row = max(int(np.floor(top)), 0), min(int(bottom) + 1, height)
        first_col, last_col = max(int(np.floor(left)), 0), min(int(right) + 1, width)
        if first_row >= last_row or first_col >= last_col:
            return None
        return first_row, last_row, first_col, last_col
