"""Upright planes, drawn column by column: each column of a wall has one depth."""

from dataclasses import dataclass

import numpy as np

from .camera import NEAR
from .scene import Scene

Place = tuple[float, float]  # x, z in metres


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
    """Cut off what lies behind the camera."""
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
