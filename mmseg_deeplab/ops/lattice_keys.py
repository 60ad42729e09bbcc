"""One integer for each point of the permutohedral lattice."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

# Products with d + 1 stay below 2 ** 63 up to d = 30.
_MODULUS = 1 << 58


class LatticeKeys(NamedTuple):
    """Integers for lattice points; those of neighbours differ by a constant.

    A lattice point has d + 1 integer coordinates of sum 0 that leave the same remainder
    ``r`` modulo d + 1: ``c_i = (d + 1) q_i + r``. Its integer is ``(d + 1) n + r``,
    where ``n`` numbers the cells ``q`` of the box around the points, row by row. A box
    of more than 2^58 cells is numbered by odd random factors modulo 2^58 instead, by
    which two of a million points fall together with a probability below 1e-5.
    """

    strides: tuple[int, ...]  # factors of q in n; 0 for the last, which is redundant
    origin: tuple[int, ...]  # the cell with number 0

    @classmethod
    def around(cls, features: Tensor, elevation: Tensor) -> 'LatticeKeys':
        """Number the box around points ``(P, d)``.

        ``elevation``, ``(d + 1, d)``, makes coordinates in units of d + 1 of them.
        """
        matrix = elevation[:-1]
        low, high = (ends.double().cpu() for ends in features.aminmax(dim=0))
        ends = torch.stack([matrix * low, matrix * high])
        # Rounding, the other corners and the neighbours reach up to three cells beyond.
        origin = (ends.amin(0).sum(1).floor() - 3).long().tolist()
        sizes = (ends.amax(0).sum(1).ceil() + 4).long().tolist()
        sizes = [size - first for size, first in zip(sizes, origin, strict=True)]
        if math.prod(sizes) < _MODULUS:
            strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        else:
            generator = torch.Generator().manual_seed(0)
            random = torch.randint(_MODULUS // 2, (len(sizes),), generator=generator)
            strides = [2 * factor + 1 for factor in random.tolist()]
        return cls((*strides, 0), (*origin, 0))

    @property
    def num_corners(self) -> int:
        """Corners of a simplex, which is also the number of axes: d + 1."""
        return len(self.strides)

    def of_corners(self, cell: Tensor, rank: Tensor) -> Tensor:
        """Return the integers ``(d + 1, P)`` of the corners of simplices.

        ``cell`` is the corner with remainder 0, in units of d + 1, and ``rank`` the
        order of the coordinates, 0 for the one that goes on longest, ``(d + 1, P)``.
        """
        strides = torch.tensor(self.strides, device=cell.device)[:, None]
        origin = torch.tensor(self.origin, device=cell.device)[:, None]
        by_rank = torch.empty_like(rank).scatter_(0, rank, strides.expand_as(rank))
        number = torch.empty_like(rank)
        number[0] = ((cell.long() - origin) * strides).sum(0)
        last = self.num_corners - 1
        for corner in range(1, self.num_corners):
            torch.sub(
                number[corner - 1], by_rank[last + 1 - corner], out=number[corner]
            )
        remainder = torch.arange(self.num_corners, device=cell.device)[:, None]
        return self._join(number, remainder)

    def step(self, keys: Tensor, axis: int) -> Tensor:
        """Return the next points along an axis, one of 0..d.

        A step adds 1 to each coordinate and takes d + 1 from that of the axis.
        """
        number = keys.div(self.num_corners, rounding_mode='floor')
        remainder = keys - number * self.num_corners
        carries = remainder == self.num_corners - 1
        number -= self.strides[axis]
        number += carries * sum(self.strides)
        remainder += 1 - carries * self.num_corners
        return self._join(number, remainder)

    def _join(self, number: Tensor, remainder: Tensor) -> Tensor:
        return (number & (_MODULUS - 1)) * self.num_corners + remainder
