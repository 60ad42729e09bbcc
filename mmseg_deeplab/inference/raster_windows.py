"""Where the windows of a large raster lie: what each one reads, and what it keeps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from mmseg_deeplab.utils.errors import InputError

# Windows begin at multiples of this number: the output strides are 8, 16 and 32.
ALIGNMENT = 32
DEFAULT_WINDOW = 1024  # px
# How far DeepLab v2 looks by its widest rate, 24 at output stride 8, px.
DEFAULT_OVERLAP = 24 * 8
# Side of the largest tile of the output, px; a common size for viewers of maps.
LARGEST_BLOCK = 512


@dataclass(frozen=True)
class Span:
    """A window along one axis, in pixels: starts are included, stops are not."""

    start: int  # of what the network sees
    stop: int
    keep_start: int  # of the part whose prediction is kept
    keep_stop: int

    @property
    def outer(self) -> slice:
        """What the network sees."""
        return slice(self.start, self.stop)

    @property
    def inner(self) -> slice:
        """The kept part, counted from the window's start."""
        return slice(self.keep_start - self.start, self.keep_stop - self.start)


@dataclass(frozen=True)
class WindowGrid:
    """Windows of one size and overlap, px, on the grid of every output stride."""

    window: int
    overlap: int

    def __post_init__(self) -> None:
        if self.window < ALIGNMENT or self.window % ALIGNMENT not in (0, 1):
            raise InputError(
                f'window={self.window}: expected a multiple of {ALIGNMENT}, or one '
                'more (for networks with align_corners=True), so that the grids of all '
                'windows agree'
            )
        if self.overlap < 0 or self.overlap % ALIGNMENT:
            raise InputError(
                f'overlap={self.overlap}: expected a multiple of {ALIGNMENT}'
            )
        if self.step < ALIGNMENT:
            raise InputError(
                f'overlap={self.overlap} on both sides leaves nothing of '
                f'window={self.window}: take a larger window or a smaller overlap'
            )

    @property
    def step(self) -> int:
        """The distance of two windows: the side of what a window keeps, px."""
        return self.window - self.window % ALIGNMENT - 2 * self.overlap

    @property
    def block(self) -> int:
        """The side of output tiles, px: a single window fills each of them."""
        return math.gcd(self.step, LARGEST_BLOCK)

    def spans(self, length: int) -> list[Span]:
        """Cover an axis with windows.

        What they keep are runs of equal length, whole tiles. What they read reaches at
        least ``overlap`` further, up to the ends of the axis; a window at an end
        reaches inwards to the full size.
        """
        if length <= self.window:
            return [Span(0, length, 0, length)]
        count = math.ceil((length - self.overlap) / self.step)
        found = []
        for index in range(count):
            keep_start = index * self.step
            keep_stop = keep_start + self.step if index < count - 1 else length
            stop = keep_stop + self.overlap + self.window % ALIGNMENT
            stop = min(max(stop, self.window), length)
            flush = math.ceil((stop - self.window) / ALIGNMENT) * ALIGNMENT
            start = max(0, min(keep_start - self.overlap, flush))
            found.append(Span(start, stop, keep_start, keep_stop))
        return found

    def windows(self, size: tuple[int, int]) -> Iterator[tuple[Span, Span]]:
        """Iterate over the spans of rows and columns of all windows of ``(H, W)``."""
        return product(self.spans(size[0]), self.spans(size[1]))
