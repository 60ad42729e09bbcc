"""Value noise: the texture of asphalt, plaster, leaves and clouds."""

from functools import lru_cache

import numpy as np

from .dice import Dice

SIZE = 256  # edge of a noise tile; a power of two, so that indices wrap with `&`


def _lattice(dice: Dice, cells: int) -> np.ndarray:
    """Random values on a coarse grid, smoothly interpolated, without a seam."""
    grid = dice.bytes(cells, cells).astype(np.float32) / np.float32(255)
    step = SIZE // cells
    part = (np.arange(step, dtype=np.float32) / np.float32(step))[:, None]
    part = part * part * (np.float32(3) - part * np.float32(2))  # smoothstep
    for _ in range(2):  # rows, then columns
        following = np.roll(grid, -1, axis=0)
        rows = grid[:, None] + (following - grid)[:, None] * part
        grid = np.ascontiguousarray(rows.reshape(SIZE, -1).T)
    return grid


@lru_cache(maxsize=8)
def tile(coarse: int, octaves: int) -> np.ndarray:
    """A fixed fractal tile, ``(256, 256)`` float32, mean about 0, range about -1 .. 1.

    Args:
        coarse: Cells along an edge in the first octave.
        octaves: Number of octaves; each doubles the cells and halves the strength.
    """
    dice = Dice(coarse, octaves)
    total = np.zeros((SIZE, SIZE), np.float32)
    strength = np.float32(1)
    for octave in range(octaves):
        total += strength * (_lattice(dice, coarse << octave) - np.float32(0.5))
        strength *= np.float32(0.5)
    total.flags.writeable = False
    return total


def lookup(noise: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Read a tile at real coordinates that broadcast (nearest, without end)."""
    row = np.floor(rows).astype(np.int32) & (SIZE - 1)
    column = np.floor(columns).astype(np.int32) & (SIZE - 1)
    return noise.ravel().take(row * SIZE + column)


def grid(
    noise: np.ndarray, height: int, width: int, step: float, corner: tuple[int, int]
) -> np.ndarray:
    """Read a tile on a regular grid: ``step`` tile cells per pixel, from ``corner``."""
    rows = (np.arange(height) * step + corner[0]).astype(np.int32) & (SIZE - 1)
    columns = (np.arange(width) * step + corner[1]).astype(np.int32) & (SIZE - 1)
    return noise[rows[:, None], columns[None, :]]
