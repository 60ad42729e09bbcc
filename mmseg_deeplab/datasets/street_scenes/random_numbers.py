"""Random numbers and value noise that are the same on every machine.

Only the raw stream of a bit generator is used: NumPy promises that it never changes,
which it does not promise for the distributions of `Generator` (NEP 19).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np

T = TypeVar('T')
SIZE = 256  # edge of a noise tile; a power of two, so that indices wrap with `&`


class RandomNumbers:
    """A stream of numbers that depends on the given non-negative integers alone."""

    def __init__(self, *entropy: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))
        self._ready: list[float] = []

    def unit(self) -> float:
        """Draw from [0, 1)."""
        if not self._ready:
            # The upper 53 bits of a word, as `Generator.random` takes them.
            words = self._bits.random_raw(256) >> np.uint64(11)
            self._ready = (words * 2.0**-53).tolist()
        return self._ready.pop()

    def uniform(self, low: float, high: float) -> float:
        """Draw from [low, high)."""
        return low + (high - low) * self.unit()

    def chance(self, probability: float) -> bool:
        """Draw True with the given probability."""
        return self.unit() < probability

    def integer(self, low: int, high: int) -> int:
        """Draw from low .. high, both included."""
        return low + int(self.unit() * (high - low + 1))

    def choice(self, items: Sequence[T]) -> T:
        return items[self.integer(0, len(items) - 1)]

    def weighted(self, items: dict[T, float]) -> T:
        """Draw one key; the values are weights that sum to one."""
        rest = self.unit()
        for item, weight in items.items():
            rest -= weight
            if rest < 0:
                return item
        return item

    def place(self) -> tuple[int, int]:
        """Draw where a texture begins in its noise tile."""
        return self.integer(0, SIZE - 1), self.integer(0, SIZE - 1)

    def bytes(self, *shape: int) -> np.ndarray:
        """Draw uint8 values from 0 .. 255 in the given shape."""
        count = int(np.prod(shape))
        words = self._bits.random_raw(-(-count // 8)).astype('<u8')
        return words.view(np.uint8)[:count].reshape(shape)


def _smooth_grid(rng: RandomNumbers, cells: int) -> np.ndarray:
    """Random values on a coarse grid, smoothly interpolated, without a seam."""
    grid = rng.bytes(cells, cells).astype(np.float32) / np.float32(255)
    step = SIZE // cells
    part = (np.arange(step, dtype=np.float32) / np.float32(step))[:, None]
    part = part * part * (np.float32(3) - part * np.float32(2))  # smoothstep
    for _ in range(2):  # rows, then columns
        following = np.roll(grid, -1, axis=0)
        rows = grid[:, None] + (following - grid)[:, None] * part
        grid = np.ascontiguousarray(rows.reshape(SIZE, -1).T)
    return grid


@lru_cache(maxsize=8)
def noise_tile(coarse: int, octaves: int) -> np.ndarray:
    """A fixed fractal tile, ``(256, 256)`` float32, mean about 0, range about -1 .. 1.

    ``coarse`` cells along an edge double with each octave, the strength halves.
    """
    rng = RandomNumbers(coarse, octaves)
    total = np.zeros((SIZE, SIZE), np.float32)
    strength = np.float32(1)
    for octave in range(octaves):
        total += strength * (_smooth_grid(rng, coarse << octave) - np.float32(0.5))
        strength *= np.float32(0.5)
    total.flags.writeable = False
    return total


def noise_at(tile: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Read a tile at real coordinates that broadcast (nearest, repeated endlessly)."""
    row = np.floor(rows).astype(np.int32) & (SIZE - 1)
    column = np.floor(columns).astype(np.int32) & (SIZE - 1)
    return tile.ravel().take(row * SIZE + column)


def noise_grid(
    tile: np.ndarray, height: int, width: int, step: float, corner: tuple[int, int]
) -> np.ndarray:
    """Read a tile on a regular grid: ``step`` tile cells per pixel, from ``corner``."""
    rows = (np.arange(height) * step + corner[0]).astype(np.int32) & (SIZE - 1)
    columns = (np.arange(width) * step + corner[1]).astype(np.int32) & (SIZE - 1)
    return tile[rows[:, None], columns[None, :]]
