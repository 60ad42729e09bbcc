"""Sparse matrices with short rows: their products are weighted sums of rows."""

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# glibc gives blocks above 32 MiB back to the system as soon as they are free; the next
# one then costs a page fault for every 4 KiB, which takes longer than the sums. Larger
# results are made in parts of so many rows.
_LARGEST_BLOCK = 24 << 20
_PART_ROWS = 1 << 15


class Bags(NamedTuple):
    """A sparse matrix: row ``i`` of a product with ``x`` is a weighted sum of rows.

    It is the sum of ``weights[j] * x[indices[j]]`` for ``j`` from ``offsets[i]`` up to
    ``offsets[i + 1]``; ``indices`` and ``offsets`` are integers of one dtype.
    """

    indices: Tensor
    offsets: Tensor
    weights: Tensor

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self.offsets) - 1

    def first_rows(self, count: int) -> 'Bags':
        """Return the matrix of the first rows."""
        end = int(self.offsets[count])
        return Bags(self.indices[:end], self.offsets[: count + 1], self.weights[:end])


def bags_from_table(table: Tensor, weights: Tensor, *, num_columns: int) -> Bags:
    """Build a matrix from a table of columns.

    Args:
        table: ``(m, c)``, the columns of each row; those from ``num_columns`` on mean
            no entry.
        weights: ``(c,)``, the same for each row.
        num_columns: Columns of the matrix.
    """
    exists = table < num_columns
    offsets = table.new_zeros(len(table) + 1)
    torch.cumsum(exists.sum(1), 0, out=offsets[1:])
    entries = exists.view(-1).nonzero().squeeze(1)
    indices = table.view(-1).index_select(0, entries)
    return Bags(indices, offsets, weights.index_select(0, entries % len(weights)))


def compose(outer: Bags, inner: Bags) -> Bags:
    """Multiply two matrices: ``outer @ inner``.

    Entries of one row that meet in one column stay apart: their sum is taken with the
    product.
    """
    # index_select and not x[...], which makes 64-bit copies of the indices.
    starts = inner.offsets.index_select(0, outer.indices)
    counts = inner.offsets.diff().index_select(0, outer.indices)
    total = int(counts.sum())
    if total >= 2**31:  # 32 bits do not number the entries
        counts, starts = counts.long(), starts.long()
    stops = counts.cumsum(0, dtype=counts.dtype)
    entry = torch.repeat_interleave(counts, output_size=total)
    inside = torch.arange(total, dtype=counts.dtype, device=counts.device)
    inside += (starts - stops + counts).index_select(0, entry)
    weights = inner.weights.index_select(0, inside)
    weights *= outer.weights.index_select(0, entry)
    offsets = F.pad(stops, (1, 0)).index_select(0, outer.offsets)
    indices = inner.indices.index_select(0, inside).to(offsets.dtype)
    return Bags(indices, offsets, weights)


def transpose(bags: Bags, num_columns: int) -> Bags:
    """Return the transposed matrix, its rows in the order of the old ones."""
    columns, order = bags.indices.sort(stable=True)
    counts = torch.bincount(columns, minlength=num_columns)
    rows = torch.repeat_interleave(
        bags.offsets.diff(), output_size=len(bags.indices)
    ).to(bags.indices.dtype)
    offsets = F.pad(counts.cumsum(0), (1, 0)).to(bags.offsets.dtype)
    weights = bags.weights.index_select(0, order)
    return Bags(rows.index_select(0, order), offsets, weights)


def weighted_rows(x: Tensor, bags: Bags) -> Tensor:
    """Multiply the matrix ``bags`` with ``x``.

    Args:
        x: ``(n, K)``.
        bags: ``(m, n)``.

    Returns:
        ``(m, K)``.
    """
    size = bags.num_rows * x.shape[1] * x.element_size()
    if x.device.type != 'cpu' or size <= _LARGEST_BLOCK:
        return _sum(x, bags)
    result = x.new_empty(bags.num_rows, x.shape[1])
    ends = [*bags.offsets[:-1:_PART_ROWS].tolist(), len(bags.indices)]
    for part, (low, high) in enumerate(pairwise(ends)):
        rows = slice(part * _PART_ROWS, (part + 1) * _PART_ROWS)
        offsets = bags.offsets[rows.start : rows.stop + 1] - low
        piece = Bags(bags.indices[low:high], offsets, bags.weights[low:high])
        result[rows] = _sum(x, piece)
    return result


def _sum(x: Tensor, bags: Bags) -> Tensor:
    return F.embedding_bag(
        bags.indices,
        x,
        bags.offsets,
        per_sample_weights=bags.weights,
        mode='sum',
        include_last_offset=True,
    )
