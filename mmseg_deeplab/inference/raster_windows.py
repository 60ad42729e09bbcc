"""Where the windows of a large raster lie: what each one reads, and what it keeps."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

# Windows begin at multiples of it: the output strides are 8, 16 and 32.
ALIGNMENT = 32
DEFAULT_WINDOW = 1024  # px
# How far DeepLab v2 looks by its widest rate, 24 at output stride 8, px.
DEFAULT_OVERLAP = 24 * 8
# Side of the largest tile of the output, px; one that readers of maps like.
LARGEST_BLOCK = 512


@dataclass(frozen=True)
class Span:
    """A window along one axis, in pixels: starts are included, stops are not.

    Args:
        start: Where the network's input begins.
        stop: Where it ends.
        keep_start: Where the part begins whose prediction is kept.
        keep_stop: Where that ends.
    """

    start: int
    stop: int
    keep_start: int
    keep_stop: int

    @property
    def inner(self) -> slice:
        """The kept part, counted from the window's start."""
        return slice(self.keep_start - self.start, self.keep_stop - self.start)


def check_window(window: int, overlap: int) -> None:
    """Check that windows of this size lie on the grid of every output stride.

    Args:
        window: Side, px.
        overlap: Margin on every side, px.

    Raises:
        ValueError: If they do not.
    """
    if window < ALIGNMENT or window % ALIGNMENT not in (0, 1):
        raise ValueError(
            f'window={window}: expected a multiple of {ALIGNMENT}, or one more (for '
            'networks with align_corners=True), so that the grids of all windows agree'
        )
    if overlap < 0 or overlap % ALIGNMENT:
        raise ValueError(f'overlap={overlap}: expected a multiple of {ALIGNMENT}')
    if step(window, overlap) < ALIGNMENT:
        raise ValueError(
            f'overlap={overlap} on both sides leaves nothing of window={window}: take '
            'a larger window or a smaller overlap'
        )


def step(window: int, overlap: int) -> int:
    """Return the distance of two windows: the side of what a window keeps."""
    return window - window % ALIGNMENT - 2 * overlap


def block_size(window: int, overlap: int) -> int:
    """Return the side of output tiles each of which a single window fills.

    A tile written in two goes would be compressed twice, and its first form left
    unused in the file.
    """
    return math.gcd(step(window, overlap), LARGEST_BLOCK)


def spans(length: int, *, window: int, overlap: int) -> list[Span]:
    """Cover an axis with windows.

    What they keep are runs of equal length, so that each keeps whole tiles. What they
    read reaches at least ``overlap`` further on either side, up to the ends of the
    axis, where windows are flush: there the network pads as it does for the whole
    image. A window at an end reaches further inwards, to the full size.

    Args:
        length: Of the axis, px.
        window: Side, px, see :func:`check_window`.
        overlap: Margin, px.

    Raises:
        ValueError: If window and overlap do not go together.
    """
    check_window(window, overlap)
    if length <= window:
        return [Span(0, length, 0, length)]
    run, odd = step(window, overlap), window % ALIGNMENT
    count = math.ceil((length - overlap) / run)
    found = []
    for index in range(count):
        keep_start = index * run
        keep_stop = keep_start + run if index < count - 1 else length
        stop = min(max(keep_stop + overlap + odd, window), length)
        flush = math.ceil((stop - window) / ALIGNMENT) * ALIGNMENT
        start = max(0, min(keep_start - overlap, flush))
        found.append(Span(start, stop, keep_start, keep_stop))
    return found


def windows(
    size: tuple[int, int], *, window: int, overlap: int
) -> Iterator[tuple[Span, Span]]:
    """Yield the windows of a raster row by row, as spans of the rows and the columns.

    Args:
        size: Rows and columns, px.
        window: Side, px, see :func:`check_window`.
        overlap: Margin, px.
    """
    columns = spans(size[1], window=window, overlap=overlap)
    for row in spans(size[0], window=window, overlap=overlap):
        for column in columns:
            yield row, column


def count_windows(size: tuple[int, int], *, window: int, overlap: int) -> int:
    """Return how many windows a raster has."""
    rows, columns = (spans(side, window=window, overlap=overlap) for side in size)
    return len(rows) * len(columns)
