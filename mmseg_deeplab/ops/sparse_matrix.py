"""Sparse matrices with few entries in each row."""

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


class SparseMatrix(NamedTuple):
    """A sparse matrix in compressed rows.

    Row ``i`` of a product with ``x`` is the sum of ``weights[j] * x[columns[j]]`` for
    ``j`` from ``offsets[i]`` up to ``offsets[i + 1]``; ``columns`` and ``offsets`` are
    integers of one dtype. Entries of one row may share a column.
    """

    columns: Tensor
    offsets: Tensor
    weights: Tensor

    @classmethod
    def from_table(
        cls, table: Tensor, weights: Tensor, *, num_columns: int
    ) -> 'SparseMatrix':
        """Build a matrix from a table ``(m, c)`` of the columns of each row.

        Columns from ``num_columns`` on mean no entry; ``weights``, ``(c,)``, are the
        same for each row.
        """
        exists = table < num_columns
        offsets = table.new_zeros(len(table) + 1)
        torch.cumsum(exists.sum(1), 0, out=offsets[1:])
        entries = exists.view(-1).nonzero().squeeze(1)
        columns = table.view(-1).index_select(0, entries)
        return cls(columns, offsets, weights.index_select(0, entries % len(weights)))

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self.offsets) - 1

    def first_rows(self, count: int) -> 'SparseMatrix':
        """Return the matrix of the first rows."""
        end = int(self.offsets[count])
        columns, weights = self.columns[:end], self.weights[:end]
        return SparseMatrix(columns, self.offsets[: count + 1], weights)

    def product(self, inner: 'SparseMatrix') -> 'SparseMatrix':
        """Multiply two matrices: ``self @ inner``; equal columns are not added up."""
        # index_select and not x[...], which makes 64-bit copies of the indices.
        starts = inner.offsets.index_select(0, self.columns)
        counts = inner.offsets.diff().index_select(0, self.columns)
        total = int(counts.sum())
        if total >= 2**31:  # 32 bits do not number the entries
            counts, starts = counts.long(), starts.long()
        stops = counts.cumsum(0, dtype=counts.dtype)
        entry = torch.repeat_interleave(counts, output_size=total)
        inside = torch.arange(total, dtype=counts.dtype, device=counts.device)
        inside += (starts - stops + counts).index_select(0, entry)
        weights = inner.weights.index_select(0, inside)
        weights *= self.weights.index_select(0, entry)
        offsets = F.pad(stops, (1, 0)).index_select(0, self.offsets)
        columns = inner.columns.index_select(0, inside).to(offsets.dtype)
        return SparseMatrix(columns, offsets, weights)

    def transposed(self, num_columns: int) -> 'SparseMatrix':
        """Return the transposed matrix of one with ``num_columns`` columns."""
        columns, order = self.columns.sort(stable=True)
        counts = torch.bincount(columns, minlength=num_columns)
        rows = torch.repeat_interleave(
            self.offsets.diff(), output_size=len(self.columns)
        ).to(self.columns.dtype)
        offsets = F.pad(counts.cumsum(0), (1, 0)).to(self.offsets.dtype)
        weights = self.weights.index_select(0, order)
        return SparseMatrix(rows.index_select(0, order), offsets, weights)

    def in_short_rows(self, longest: int) -> tuple['SparseMatrix', 'SparseMatrix']:
        """Return ``(a, b)`` with ``b @ a`` equal to this matrix.

        No row of ``a`` has more than ``longest`` entries. One thread of a GPU sums a
        row, and all others wait for the longest one.
        """
        counts = self.offsets.diff()
        parts = (counts + longest - 1) // longest
        row = torch.repeat_interleave(parts)
        ends = F.pad(parts.cumsum(0), (1, 0)).to(self.offsets.dtype)
        inside = torch.arange(len(row), device=row.device) - ends.index_select(0, row)
        starts = self.offsets.index_select(0, row) + longest * inside
        offsets = torch.cat([starts.to(self.offsets.dtype), self.offsets[-1:]])
        columns = torch.arange(len(row), device=row.device).to(self.columns.dtype)
        sums = SparseMatrix(columns, ends, self.weights.new_ones(len(row)))
        return SparseMatrix(self.columns, offsets, self.weights), sums

    def multiply(self, x: Tensor) -> Tensor:
        """Multiply ``(m, n)`` by the dense ``(n, K)``."""
        size = self.num_rows * x.shape[1] * x.element_size()
        if x.device.type != 'cpu' or size <= _LARGEST_BLOCK:
            return self._multiply(x)
        result = x.new_empty(self.num_rows, x.shape[1])
        ends = [*self.offsets[:-1:_PART_ROWS].tolist(), len(self.columns)]
        for part, (low, high) in enumerate(pairwise(ends)):
            rows = slice(part * _PART_ROWS, (part + 1) * _PART_ROWS)
            offsets = self.offsets[rows.start : rows.stop + 1] - low
            columns, weights = self.columns[low:high], self.weights[low:high]
            result[rows] = SparseMatrix(columns, offsets, weights)._multiply(x)
        return result

    def _multiply(self, x: Tensor) -> Tensor:
        return F.embedding_bag(
            self.columns,
            x,
            self.offsets,
            per_sample_weights=self.weights,
            mode='sum',
            include_last_offset=True,
        )
