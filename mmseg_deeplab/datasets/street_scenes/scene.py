"""One scene while it is drawn: image, label and shadows, filled from shared masks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from .camera import Camera
from .light import Light
from .scene_options import SKY
from .street import Street


@dataclass
class Scene:
    """Camera, plan and light of a scene, and what has been drawn of it so far."""

    camera: Camera
    street: Street
    light: Light
    image: np.ndarray = field(init=False)  # (H, W, 3) float32, BGR, about 0 .. 255
    label: np.ndarray = field(init=False)  # (H, W) uint8, the class of each pixel
    shade: np.ndarray = field(init=False)  # (H, W) uint8, 255 in shadows on the ground

    def __post_init__(self) -> None:
        size = self.camera.height, self.camera.width
        self.image = np.zeros((*size, 3), np.float32)
        self.label = np.full(size, SKY, np.uint8)
        self.shade = np.zeros(size, np.uint8)

    def fill(self, points: np.ndarray, colour: Sequence[float], label: int) -> None:
        """Fill a convex polygon of whole pixels, ``(n, 2)`` int32, no antialiasing."""
        cv2.fillConvexPoly(self.image, points, tuple(colour), cv2.LINE_8)
        cv2.fillConvexPoly(self.label, points, label, cv2.LINE_8)

    def fill_upright(
        self,
        place: tuple[float, float],
        parts: list[tuple[np.ndarray, Sequence[float]]],
        label: int,
        *,
        scale: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Fill polygons that stand upright at ``x`` and depth, and face the camera.

        Parts are points ``(n, 2)``, across and up, and their colour; ``scale`` holds
        factors on what is across, after that on everything.
        """
        (x, depth), (wide, tall) = place, scale
        points = np.concatenate([part for part, _ in parts]) * tall
        z = np.full(len(points), depth)
        pixels = self.camera.pixels(x + points[:, 0] * wide, points[:, 1], z)
        first = 0
        for part, colour in parts:
            self.fill(pixels[first : first + len(part)], colour, label)
            first += len(part)

    def paste(
        self, top: int, left: int, mask: np.ndarray, colours: np.ndarray, label: int
    ) -> None:
        """Put ``colours`` (h, w, 3) where ``mask`` (h, w) is set, from a corner on."""
        height, width = mask.shape
        window = np.s_[top : top + height, left : left + width]
        np.copyto(self.image[window], colours, where=mask[..., None])
        self.label[window][mask] = label

    def cast_shadow(self, foot: Sequence | np.ndarray, height: float) -> None:
        """Draw the shadow of what rises straight up from ``foot`` (n, 2), x and z."""
        foot = np.array(foot)
        self.shade_ground(np.concatenate([foot, foot + self.shadow_shift(height)]))

    def shade_ground(self, points: np.ndarray) -> None:
        """Lay the hull of ground points ``(n, 2)``, columns x and z, into shadow."""
        pixels = self.camera.pixels(points[:, 0], np.zeros(len(points)), points[:, 1])
        cv2.fillConvexPoly(self.shade, cv2.convexHull(pixels), 255, cv2.LINE_8)

    def shadow_shift(self, height: float) -> np.ndarray:
        """Where the shadow of a point at a height falls, as seen from its foot."""
        return np.array(self.light.shadow_of_one_metre) * height

    def dimmed(self, x: float, z: float) -> np.float32:
        """Light factor of an object whose foot may stand in a shadow."""
        column = int(self.camera.column(x, z))
        row = int(self.camera.row(0.0, z))
        height, width = self.shade.shape
        inside = 0 <= row < height and 0 <= column < width
        shaded = inside and self.shade[row, column] == 255
        return np.float32(1.0 - 0.7 * self.light.shadow_strength if shaded else 1.0)


class Thing(Protocol):
    """Something that stands on the ground."""

    depth: float

    def cast(self, scene: Scene) -> None:
        """Draw the shadow on the ground."""

    def paint(self, scene: Scene) -> None:
        """Draw the thing itself; called from far to near."""


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


def strip(
    start: tuple[float, float], end: tuple[float, float], half: float, end_half: float
) -> np.ndarray:
    """A quad between two points, ``half`` wide to each side, then ``end_half``."""
    (x, y), (u, v) = start, end
    return np.array(
        [(x - half, y), (x + half, y), (u + end_half, v), (u - end_half, v)]
    )
