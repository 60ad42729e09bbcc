"""A pinhole camera above the road that looks along the street.

World axes in metres: ``x`` to the right, ``y`` up from the ground, ``z`` forward.
Geometry uses the four basic operations, floor and square root alone: IEEE 754 defines
their results, so that labels do not depend on a machine's math library.
"""

from dataclasses import dataclass

import numpy as np

from .dice import Dice

NEAR = 1.0  # metres; nothing nearer is drawn
# cv2 draws with 16 fractional bits in 32: keep coordinates far below 2 ** 15
FARTHEST_PIXEL = 16000


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and how it sees.

    Args:
        height: Image height in pixels.
        width: Image width in pixels.
        focal: Focal length in pixels.
        horizon: Row of the horizon.
        centre: Column of the vanishing point of a straight street.
        eye: Height of the camera above the ground in metres.
    """

    height: int
    width: int
    focal: float
    horizon: float
    centre: float
    eye: float

    def column(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Image column of points in the world."""
        return self.centre + self.focal * x / z

    def row(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Image row of points in the world."""
        return self.horizon + self.focal * (self.eye - y) / z

    def pixels(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Project points to whole pixels, ``(..., 2)`` int32 as cv2 draws them."""
        z = np.maximum(z, NEAR)
        points = np.empty((*z.shape, 2))
        points[..., 0] = self.column(x, z)
        points[..., 1] = self.row(y, z)
        np.floor(points, out=points)
        np.minimum(points, FARTHEST_PIXEL, out=points)
        np.maximum(points, -FARTHEST_PIXEL, out=points)
        return points.astype(np.int32)

    def slopes(self, first: int, last: int) -> np.ndarray:
        """``x / z`` of the rays through columns ``first .. last - 1``."""
        return (np.arange(first, last) + 0.5 - self.centre) / self.focal

    def drops(self, first: int, last: int) -> np.ndarray:
        """``(eye - y) / z`` of the rays through rows ``first .. last - 1``."""
        return (np.arange(first, last) + 0.5 - self.horizon) / self.focal

    def visible_from(self, x: float) -> float:
        """Depth from which an object at ``x`` is inside the picture."""
        room = self.width - self.centre if x > 0 else self.centre
        return abs(x) * self.focal / room


def draw_camera(dice: Dice, height: int, width: int) -> Camera:
    """Draw a camera: somewhere between a dash cam and the roof of a van."""
    # for 1:2 pictures the geometric mean is the width: 53 to 68 degrees of view
    span = float(np.sqrt(2.0 * height * width))
    return Camera(
        height=height,
        width=width,
        focal=span * dice.uniform(0.75, 1.0),
        horizon=height * dice.uniform(0.36, 0.52),
        centre=width * dice.uniform(0.36, 0.64),
        eye=dice.uniform(1.35, 2.4),
    )
