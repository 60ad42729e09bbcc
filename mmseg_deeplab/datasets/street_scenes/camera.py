"""A pinhole camera above the road that looks along the street, and its photographs.

World axes in metres: ``x`` to the right, ``y`` up from the ground, ``z`` forward.
Geometry uses the four basic operations, floor and square root alone: IEEE 754 defines
their results, so that labels do not depend on a machine's math library.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .random_numbers import RandomNumbers

NEAR = 1.0  # metres; nothing nearer is drawn
# cv2 draws with 16 fractional bits in 32: keep coordinates far below 2 ** 15
FARTHEST_PIXEL = 16000


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and how it sees."""

    height: int  # of the image, in pixels
    width: int
    focal: float  # focal length in pixels
    horizon: float  # row of the horizon
    centre: float  # column of the vanishing point of a straight street
    eye: float  # height of the camera above the ground in metres

    def column(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        return self.centre + self.focal * x / z

    def row(self, y: np.ndarray, z: np.ndarray) -> np.ndarray:
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
        """Depth from which an object at ``x`` is inside the image."""
        room = self.width - self.centre if x > 0 else self.centre
        return abs(x) * self.focal / room


def draw_camera(rng: RandomNumbers, height: int, width: int) -> Camera:
    """Draw a camera: somewhere between a dash cam and the roof of a van."""
    # for 1:2 images the geometric mean is the width: 53 to 68 degrees of view
    span = float(np.sqrt(2.0 * height * width))
    return Camera(
        height=height,
        width=width,
        focal=span * rng.uniform(0.75, 1.0),
        horizon=height * rng.uniform(0.36, 0.52),
        centre=width * rng.uniform(0.36, 0.64),
        eye=rng.uniform(1.35, 2.4),
    )


def photograph(
    image: np.ndarray, rng: RandomNumbers, pixel_rng: RandomNumbers
) -> np.ndarray:
    """Turn ``(H, W, 3)`` float32, BGR, of any range into a photograph in uint8.

    Exposure, colour cast, vignette, blur and noise are added to the image alone.
    """
    height, width = image.shape[:2]
    cast = np.array([rng.uniform(0.94, 1.06) for _ in range(3)], np.float32)
    # an automatic exposure that is never quite right
    gain = rng.uniform(80, 130) / max(float(image.mean()), 50)
    gain, lift = min(gain, 2.0), rng.uniform(-8, 14)
    image = image * (cast * np.float32(gain)) + np.float32(lift)
    rows = (np.arange(height, dtype=np.float32) * 2 / height - 1)[:, None]
    columns = (np.arange(width, dtype=np.float32) * 2 / width - 1)[None, :]
    vignette = np.float32(rng.uniform(0.0, 0.12)) * (rows * rows + columns * columns)
    image *= (1 - vignette)[..., None]
    blur = rng.uniform(0.3, 0.65) * max(height / 128, 1) ** 0.5
    image = cv2.GaussianBlur(image, (0, 0), blur)
    # the sum of two even draws is close enough to a Gaussian for sensor noise
    first, second = pixel_rng.bytes(2, height, width, 3)
    noise = np.add(first, second, dtype=np.float32)
    noise -= np.float32(255)
    noise *= np.float32(rng.uniform(0.01, 0.05))
    image += noise
    image += np.float32(0.5)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)
