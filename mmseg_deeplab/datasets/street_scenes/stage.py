"""What every part of a scene needs in order to draw itself."""

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from .camera import Camera
from .canvas import Canvas
from .light import Light
from .street import Street


@dataclass
class Stage:
    """Camera, plan, light and canvas of one scene.

    Attributes:
        shade: ``(H, W)`` uint8, 255 where the ground lies in shadow.
    """

    camera: Camera
    street: Street
    light: Light
    canvas: Canvas
    shade: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.shade = np.zeros((self.camera.height, self.camera.width), np.uint8)

    def cast(self, points: np.ndarray) -> None:
        """Lay the hull of ground points ``(n, 2)``, columns x and z, into shadow."""
        pixels = self.camera.pixels(points[:, 0], np.zeros(len(points)), points[:, 1])
        hull = cv2.convexHull(pixels)
        cv2.fillConvexPoly(self.shade, hull, 255, cv2.LINE_8)

    def cast_upright(self, foot: np.ndarray, height: float) -> None:
        """Draw the shadow of what rises straight up from ``foot`` (n, 2)."""
        self.cast(np.concatenate([foot, foot + self.shift(height)]))

    def shift(self, height: float) -> np.ndarray:
        """Where the shadow of a point at a height falls, as seen from its foot."""
        return np.array(self.light.reach) * height

    def dimmed(self, x: float, z: float) -> float:
        """Light factor of an object whose foot may stand in a shadow."""
        column = int(self.camera.column(x, z))
        row = int(self.camera.row(0.0, z))
        height, width = self.shade.shape
        inside = 0 <= row < height and 0 <= column < width
        shaded = inside and self.shade[row, column] == 255
        return 1.0 - 0.7 * self.light.harshness if shaded else 1.0


class Thing(Protocol):
    """Something that stands on the ground."""

    depth: float

    def cast(self, stage: Stage) -> None:
        """Draw the shadow on the ground."""

    def paint(self, stage: Stage) -> None:
        """Draw the thing itself; called from far to near."""
