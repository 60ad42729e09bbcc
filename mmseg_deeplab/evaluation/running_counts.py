"""Counts of an evaluation, summed over images and processes."""

from mmengine.dist import all_reduce, get_dist_info
from torch import Tensor


class RunningCounts:
    """The sum of one tensor per image; images that a sampler repeats count once.

    A distributed sampler gives each process the same number of images. ``keep`` goes on
    counting after :meth:`reduced` instead of starting anew.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self.keep = keep
        self._kept: Tensor | None = None  # counts of earlier evaluations
        self._start()

    def _start(self) -> None:
        self._total: Tensor | None = None
        self._last: Tensor | None = None
        self._seen = 0

    def add(self, counts: Tensor) -> None:
        """Add the counts of one image."""
        self._last = counts
        self._total = counts if self._total is None else self._total + counts
        self._seen += 1

    def reduced(self, size: int, nothing: Tensor) -> Tensor:
        """Return the sum over all processes for ``size`` images, and start anew.

        ``nothing`` are the counts of a process without images.
        """
        rank, world_size = get_dist_info()
        total = self._total
        if total is None:
            total = nothing
        elif (self._seen - 1) * world_size + rank >= size:
            total = total - self._last
        if self._kept is not None:
            total = total + self._kept
        if self.keep:
            self._kept = total
        self._start()
        total = total.clone()
        all_reduce(total)
        return total
