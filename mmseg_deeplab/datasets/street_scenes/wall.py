"""Upright planes, drawn column by column: each column of a wall has one depth."""

from dataclasses import dataclass

import numpy as np

from .camera import NEAR
from .stage import Stage

Place = tuple[float, float]  # x, z in metres


@dataclass(frozen=True)
class Wall:
    """The visible part of an upright plane on the ground, seen by the camera.

    Attributes:
        left: First image column.
        top: First image row.
        u: ``(w,)`` metres along the wall for each column.
        v: ``(h, w)`` metres above the ground for each pixel.
        z: ``(w,)`` depth of each column in metres.
        inside: ``(w,)`` whether the column meets the wall.
    """

    left: int
    top: int
    u: np.ndarray
    v: np.ndarray
    z: np.ndarray
    inside: np.ndarray


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


def see_wall(stage: Stage, start: Place, end: Place, height: float) -> Wall | None:
    """Find the pixels of a wall from ``start`` to ``end``; None if there are none.

    Args:
        stage: The scene.
        start: Foot of the wall where ``u`` is 0.
        end: Foot of the wall at its other end.
        height: Greatest height in metres.
    """
    camera = stage.camera
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
    nearest = float(z.min())
    top = max(int(camera.row(height, nearest)), 0)
    if height < camera.eye:
        top = max(int(camera.row(height, float(z.max()))), 0)
    bottom = min(int(camera.row(0.0, nearest)) + 1, camera.height)
    if top >= bottom:
        return None
    length = float(np.sqrt(dx * dx + dz * dz))
    drops = camera.drops(top, bottom).astype(np.float32)[:, None]
    u = np.where(inside, share * length, 0).astype(np.float32)
    z = z.astype(np.float32)
    v = np.float32(camera.eye) - drops * z
    return Wall(left=first, top=top, u=u, v=v, z=z, inside=inside)


def normal(start: Place, end: Place) -> tuple[float, float, float]:
    """Unit normal of a wall on the side of the camera, which is at the origin."""
    dx, dz = end[0] - start[0], end[1] - start[1]
    length = float(np.sqrt(dx * dx + dz * dz))
    x, z = dz / length, -dx / length
    if x * start[0] + z * start[1] > 0:
        x, z = -x, -z
    return x, 0.0, z
