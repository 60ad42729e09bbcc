"""One scene while it is drawn: image, ids and shadows, filled from shared masks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR

from .camera import NEAR, Camera
from .light import Light
from .scene_options import SKY, THINGS
from .street import Street

Place = tuple[float, float]  # x, z in metres


@dataclass
class Scene:
    """Camera, plan and light of a scene, and what has been drawn of it so far."""

    camera: Camera
    street: Street
    light: Light
    image: np.ndarray = field(init=False)  # (H, W, 3) float32, BGR, about 0 .. 255
    # (H, W) int32, class * LABEL_DIVISOR + number of the instance
    ids: np.ndarray = field(init=False)
    shade: np.ndarray = field(init=False)  # (H, W) uint8, 255 in shadows on the ground
    number: int = field(init=False, default=0)  # of the instance that is drawn

    def __post_init__(self) -> None:
        size = self.camera.height, self.camera.width
        self.image = np.zeros((*size, 3), np.float32)
        self.ids = np.full(size, SKY * LABEL_DIVISOR, np.int32)
        self.shade = np.zeros(size, np.uint8)

    def fill(self, points: np.ndarray, colour: Sequence[float], label: int) -> None:
        """Fill a convex polygon of whole pixels, ``(n, 2)`` int32, no antialiasing."""
        cv2.fillConvexPoly(self.image, points, tuple(colour), cv2.LINE_8)
        cv2.fillConvexPoly(self.ids, points, self.id_of(label), cv2.LINE_8)

    def id_of(self, label: int) -> int:
        """Return the id of a class, with the number of the instance for a thing."""
        return label * LABEL_DIVISOR + (self.number if label in THINGS else 0)

    def fill_upright(
        self,
        place: tuple[float, float],
        parts: list[tuple[np.ndarray, Sequence[float]]],
        label: int,
        *,
        scale: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Fill polygons that stand upright at ``x`` and depth, and face the camera.

        Parts are points ``(n, 2)``, across and up; ``scale`` is for across, then for
        all.
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
        self.ids[window][mask] = self.id_of(label)

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


@dataclass(frozen=True)
class Wall:
    """The visible part of an upright plane on the ground, seen by the camera."""

    left: int  # first image column
    top: int  # first image row
    u: np.ndarray  # (w,) metres along the wall for each column
    v: np.ndarray  # (h, w) metres above the ground for each pixel
    z: np.ndarray  # (w,) depth of each column in metres
    inside: np.ndarray  # (w,) whether the column meets the wall
    length: float  # of the whole wall in metres
    normal: tuple[float, float, float]  # unit normal on the side of the camera

    def paint(
        self, scene: Scene, height: np.ndarray | float, colour: np.ndarray, label: int
    ) -> None:
        """Draw the wall up to a height, (h, w) or one, in lit colours, (h, w, 3)."""
        light = scene.light
        mask = (self.v < height) & (self.v >= 0) & self.inside
        haze = light.haze_share(self.z).astype(np.float32)[:, None]
        colour += (light.haze - colour) * haze
        scene.paste(self.top, self.left, mask, colour, label)


def _clip_near(start: Place, end: Place) -> tuple[Place, Place] | None:
    if start[1] > end[1]:
        clipped = _clip_near(end, start)
        return clipped and (clipped[1], clipped[0])
    if end[1] <= NEAR:
        return None
    if start[1] < NEAR:
        share = (NEAR - start[1]) / (end[1] - start[1])
        start = (start[0] + share * (end[0] - start[0]), NEAR)
    return start, end


def see_wall(scene: Scene, start: Place, end: Place, height: float) -> Wall | None:
    """Find the pixels of a wall, if any; its ``u`` is 0 at ``start``."""
    camera = scene.camera
    clipped = _clip_near(start, end)
    if clipped is None:
        return None
    sides = sorted(camera.column(x, z) for x, z in clipped)
    first, last = max(int(sides[0]), 0), min(int(sides[1]) + 1, camera.width)
    if first >= last:
        return None
    slopes = camera.slopes(first, last)
    dx, dz = end[0] - start[0], end[1] - start[1]
    across = dx - slopes * dz
    across[across == 0] = 1e-9  # a ray along the wall
    share = (slopes * start[1] - start[0]) / across
    z = start[1] + share * dz
    inside = (share >= 0) & (share < 1) & (z >= NEAR)
    if not inside.any():
        return None
    z = np.where(inside, z, clipped[0][1])
    nearest, farthest = float(z.min()), float(z.max())
    highest_at = farthest if height < camera.eye else nearest
    top = max(int(camera.row(height, highest_at)), 0)
    bottom = min(int(camera.row(0.0, nearest)) + 1, camera.height)
    if top >= bottom:
        return None
    length = float(np.sqrt(dx * dx + dz * dz))
    drops = camera.drops(top, bottom).astype(np.float32)[:, None]
    z = z.astype(np.float32)
    normal = (dz / length, -dx / length)
    if normal[0] * start[0] + normal[1] * start[1] > 0:  # the camera is at the origin
        normal = (-normal[0], -normal[1])
    return Wall(
        left=first,
        top=top,
        u=np.where(inside, share * length, 0).astype(np.float32),
        v=np.float32(camera.eye) - drops * z,
        z=z,
        inside=inside,
        length=length,
        normal=(normal[0], 0.0, normal[1]),
    )
