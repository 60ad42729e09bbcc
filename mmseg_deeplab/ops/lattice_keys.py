"""One integer for each point of the permutohedral lattice."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

# Products with d + 1 stay below 2 ** 63 up to d = 30.
_LARGEST = 1 << 58


class LatticeKeys(NamedTuple):
    """Integers for lattice points; a step along an axis adds a constant.

    A lattice point has d + 1 integer coordinates ``c`` of sum 0 that leave the same
    remainder modulo d + 1. Its integer is ``sum_i factors_i c_i`` modulo 2^64. The
    factors number the coordinates in a box around the points, row by row: they are
    multiples of d + 1, except 1 for the last coordinate that is needed, so the integer
    leaves the remainder of the coordinates. A box that is too large has odd random
    factors, by which two of a million points fall together with a probability below
    1e-5.
    """

    factors: tuple[int, ...]  # 0 for the last coordinate, which is redundant

    @classmethod
    def around(cls, features: Tensor, elevation: Tensor) -> 'LatticeKeys':
        """Number the box around points ``(P, d)``.

        ``elevation``, ``(d + 1, d)``, makes coordinates in units of d + 1 of them.
        """
        matrix = elevation[:-1]
        low, high = (ends.double().cpu() for ends in features.aminmax(dim=0))
        ends = torch.stack([matrix * low, matrix * high])
        # Rounding, the other corners and the neighbours reach up to three cells beyond.
        cells = ends.amax(0).sum(1).ceil() - ends.amin(0).sum(1).floor() + 7
        count = len(elevation)
        sizes = [math.ceil(size / count) * count for size in cells.long().tolist()]
        if math.prod(sizes) < _LARGEST:
            factors = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        else:
            generator = torch.Generator().manual_seed(0)
            random = torch.randint(_LARGEST // 2, (len(sizes),), generator=generator)
            factors = [2 * factor + 1 for factor in random.tolist()]
        return cls((*factors, 0))

    @property
    def steps(self) -> tuple[int, ...]:
        """What the next point along each of the d + 1 axes has more.

        A step adds 1 to each coordinate and takes d + 1 from that of the axis.
        """
        total, count = sum(self.factors), len(self.factors)
        return tuple(total - count * factor for factor in self.factors)

    def of_corners(self, cell: Tensor, rank: Tensor) -> Tensor:
        """Return the integers ``(d + 1, P)`` of the corners of simplices.

        ``cell`` is the corner with remainder 0, in units of d + 1, and ``rank`` the
        order of the coordinates, 0 for the one that goes on longest, ``(d + 1, P)``.
        """
        steps, factors = (
            torch.tensor(numbers, device=cell.device)[:, None]
            for numbers in (self.steps, self.factors)
        )
        by_rank = torch.empty_like(rank).scatter_(0, rank, steps.expand_as(rank))
        first = (cell.long() * (factors * len(factors))).sum(0, keepdim=True)
        return torch.cat([first, by_rank[1:].flip(0)]).cumsum_(0)
