"""Random draws that are the same on every machine.

Only the raw stream of a bit generator is used: NumPy promises that it never changes,
which it does not promise for the distributions of `Generator` (NEP 19).
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar('T')


class Dice:
    """A stream of draws that depends on the given integers alone.

    Args:
        entropy: Non-negative integers, such as seed, split and index.
    """

    def __init__(self, *entropy: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))
        self._ready: list[float] = []

    def unit(self) -> float:
        """Draw from [0, 1)."""
        if not self._ready:
            # the upper 53 bits of a word, as `Generator.random` takes them
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
        """Draw one item."""
        return items[self.integer(0, len(items) - 1)]

    def weighted(self, items: dict[T, float]) -> T:
        """Draw one key; the values are weights that sum to one."""
        rest = self.unit()
        for item, weight in items.items():
            rest -= weight
            if rest < 0:
                return item
        return item

    def bytes(self, *shape: int) -> np.ndarray:
        """Draw uint8 values from 0 .. 255 in the given shape."""
        count = int(np.prod(shape))
        words = self._bits.random_raw(-(-count // 8)).astype('<u8')
        return words.view(np.uint8)[:count].reshape(shape)
