"""Bilinear resizing in blocks of rows, so that no full-size tensor is needed."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Elements of one block of full-size logits. On a CPU 2 MB of float32: measured best of
# 2^16 ... 2^20 on cores with 1 MB of second-level cache; on an accelerator larger
# blocks keep the launches few (64 MB).
CPU_BLOCK, DEVICE_BLOCK = 1 << 19, 1 << 24
# Size of a band of widened rows in blocks. The rows at a band's edge are widened for
# both neighbours, hence more than one; yet more only takes memory.
BLOCKS_PER_BAND = 2


class RowBlock(NamedTuple):
    """``repeats`` output rows between each of ``groups`` pairs of input rows."""

    low: int
    groups: int
    start: int
    repeats: int

    @property
    def high(self) -> int:
        """Input row after the last one that the block needs."""
        return self.low + self.groups + 1

    @property
    def rows(self) -> slice:
        """The output rows."""
        return slice(self.start, self.start + self.groups * self.repeats)


class RowBand(NamedTuple):
    """Blocks that share the widened input rows ``low ... high - 1``."""

    low: int
    high: int
    blocks: tuple[RowBlock, ...]


class BilinearRows:
    """Resize ``(h, w) -> (H, W)`` as ``F.interpolate`` does: width first, then rows.

    Output rows between the same two input rows are one ``lerp`` of both, so a block
    costs one pass over its result. Elementwise work is preferred to matrix products,
    which may round to TF32 or bfloat16. All is computed in float32, or in float64 for
    logits of float64.
    """

    def __init__(
        self, logits: Tensor, size: Sequence[int], align_corners: bool
    ) -> None:
        device = logits.device
        self.images, self.classes, self.in_height, self.in_width = logits.shape
        self.width = size[1]
        double = logits.dtype == torch.float64
        self.dtype = torch.float64 if double else torch.float32
        self.block = CPU_BLOCK if device.type == 'cpu' else DEVICE_BLOCK
        options = align_corners, self.dtype, device
        self.row_lows, self.row_weights, _ = axis_tables(
            self.in_height, size[0], *options
        )
        _, self.column_weights, self.left = axis_tables(
            self.in_width, size[1], *options
        )
        self.right = (self.left + 1).clamp_(max=self.in_width - 1)

    def chunks(self) -> Iterator[slice]:
        """Yield the images that are worked on together: one, unless they are small."""
        step = max(1, self.block // (8 * self.classes * self.width))
        for start in range(0, self.images, step):
            yield slice(start, min(start + step, self.images))

    def bands(self, images: int) -> Iterator[RowBand]:
        """Yield the rows from top to bottom, for a number of images at once."""
        row = images * self.classes * self.width
        limit = max(2, BLOCKS_PER_BAND * self.block // row)
        members: list[RowBlock] = []
        for block in row_blocks(self.row_lows, max_rows=max(1, self.block // row)):
            if members and block.high - members[0].low > limit:
                yield RowBand(members[0].low, members[-1].high, tuple(members))
                members = []
            members.append(block)
        yield RowBand(members[0].low, members[-1].high, tuple(members))

    def widen(self, logits: Tensor, band: RowBand) -> Tensor:
        """Return a band's input rows at full width, ``(N, K, high - low, W)``.

        The row below the last one repeats it, so that each row has a next one.
        """
        rows = logits[:, :, band.low : band.high]
        if band.high > self.in_height:
            rows = torch.cat([rows, rows[:, :, -1:]], dim=2)
        # Columns first: neighbouring pixels then are whole rows in memory.
        columns = rows.permute(3, 0, 1, 2).to(self.dtype).contiguous().flatten(1)
        wide = columns.index_select(0, self.left)
        wide.lerp_(columns.index_select(0, self.right), self.column_weights[:, None])
        return wide.t().contiguous().view(*rows.shape[:3], self.width)

    def narrow(self, gradient: Tensor, band: RowBand, logits_gradient: Tensor) -> None:
        """Add the adjoint of :meth:`widen` to the gradient of the logits, in place."""
        shape = gradient.shape[:3]
        left = gradient.flatten(0, 2).t().contiguous()
        right = left * self.column_weights[:, None]
        columns = left.new_zeros(self.in_width, left.shape[1])
        columns.index_add_(0, self.left, left.sub_(right))
        columns.index_add_(0, self.right, right)
        narrow = columns.view(self.in_width, *shape).permute(1, 2, 3, 0)
        if band.high > self.in_height:  # the repeated row is the last one itself
            logits_gradient[:, :, -1] += narrow[:, :, -1]
            narrow = narrow[:, :, :-1]
        logits_gradient[:, :, band.low : band.high] += narrow

    def expand(self, wide: Tensor, band: RowBand, block: RowBlock) -> Tensor:
        """Return a block's full-size logits ``(N, K, rows, W)`` from widened rows."""
        first = block.low - band.low
        above = wide[:, :, first : first + block.groups, None]
        below = wide[:, :, first + 1 : first + 1 + block.groups, None]
        return torch.lerp(above, below, self._weights(block)).flatten(2, 3)

    def reduce(
        self, gradient: Tensor, band: RowBand, block: RowBlock, wide_gradient: Tensor
    ) -> None:
        """Add the adjoint of :meth:`expand` in place; ``gradient`` is used up."""
        first = block.low - band.low
        gradient = gradient.unflatten(2, (block.groups, block.repeats))
        above = gradient.sum(3)
        below = gradient.mul_(self._weights(block)).sum(3)
        wide_gradient[:, :, first : first + block.groups] += above.sub_(below)
        wide_gradient[:, :, first + 1 : first + 1 + block.groups] += below

    def _weights(self, block: RowBlock) -> Tensor:
        return self.row_weights[block.rows].view(block.groups, block.repeats, 1)


@lru_cache(maxsize=64)
def axis_tables(
    inside: int,
    outside: int,
    align_corners: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> tuple[list[int], Tensor, Tensor]:
    """Return lower neighbours, upper weights, and the former as a tensor.

    They are kept: to bring them to a GPU anew for each batch would wait for it.
    """
    lows = lower_neighbours(inside, outside, align_corners)
    weights = upper_weights(lows, inside, align_corners, dtype, device)
    return lows, weights, torch.tensor(lows, device=device)


def lower_neighbours(inside: int, outside: int, align_corners: bool) -> list[int]:
    """Return each output's lower input neighbour, in exact integer arithmetic."""
    if align_corners:
        return [i * (inside - 1) // max(1, outside - 1) for i in range(outside)]
    lows = (((2 * i + 1) * inside - outside) // (2 * outside) for i in range(outside))
    return [min(max(0, low), inside - 1) for low in lows]


def upper_weights(
    lows: list[int],
    inside: int,
    align_corners: bool,
    dtype: torch.dtype,
    device: torch.device,
) -> Tensor:
    """Return the weight of each output's upper neighbour, as the stock kernel has it.

    Read off by resizing the parity of the input index: rounded otherwise, coordinates
    would move the logits by more than all other rounding together.
    """
    parity = torch.arange(inside, dtype=dtype, device=device) % 2
    odd = F.interpolate(
        parity.view(1, 1, -1, 1),
        size=(len(lows), 1),
        mode='bilinear',
        align_corners=align_corners,
    ).flatten()
    lower_is_odd = torch.tensor(lows, device=device) % 2 == 1
    return torch.where(lower_is_odd, 1 - odd, odd)


def row_blocks(lows: list[int], max_rows: int) -> list[RowBlock]:
    """Return the output rows as blocks of at most ``max_rows``."""
    blocks: list[RowBlock] = []
    start = 0
    while start < len(lows):
        stop = start + 1
        while stop < min(len(lows), start + max_rows) and lows[stop] == lows[start]:
            stop += 1
        run = RowBlock(lows[start], 1, start, stop - start)
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and run.repeats == last.repeats
            and run.low == last.low + last.groups
            and run.rows.stop - last.start <= max_rows
        ):
            blocks[-1] = last._replace(groups=last.groups + 1)
        else:
            blocks.append(run)
        start = stop
    return blocks


def check_logits(logits: Tensor) -> None:
    """Raise if ``logits`` are not ``(N, K, h, w)`` of a floating dtype."""
    if logits.dim() != 4 or 0 in logits.shape[1:]:
        raise ValueError(
            f'logits must be (N, K, h, w) without an empty axis, got '
            f'{tuple(logits.shape)}; a single map needs a batch axis: logits[None]'
        )
    if not logits.is_floating_point():
        raise TypeError(
            f'logits must be floating point, got {logits.dtype}: pass them before '
            'argmax'
        )
