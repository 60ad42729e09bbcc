"""Sparse matrices with few entries in each row."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


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
    def from_tables(
        cls, tables: Iterable[Tensor], weights: Tensor, *, num_columns: int
    ) -> 'SparseMatrix':
        """Build a matrix from tables ``(m, c)`` of the columns of successive rows.

        Columns from ``num_columns`` on mean no entry; ``weights``, ``(c,)``, are the
        same for each row. The dtype is that of the tables, or int64 where there are
        more entries than it can count.
        """
        columns, values, counts = [], [], []
        for table in tables:
            exists = table < num_columns
            counts.append(exists.sum(1, dtype=table.dtype))
            # One nonzero for both takes less time than masked_select for each.
            places = exists.view(-1).nonzero().squeeze(1)
            columns.append(table.reshape(-1).index_select(0, places))
            repeated = weights.expand(table.shape).reshape(-1)
            values.append(repeated.index_select(0, places))
        dtype = counts[0].dtype
        if sum(map(len, columns)) > torch.iinfo(dtype).max:
            dtype = torch.int64
        offsets = F.pad(torch.cat(counts).cumsum(0, dtype=dtype), (1, 0))
        return cls(torch.cat(columns).to(dtype), offsets, torch.cat(values))

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return len(self.offsets) - 1

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
        return F.embedding_bag(
            self.columns,
            x,
            self.offsets,
            per_sample_weights=self.weights,
            mode='sum',
            include_last_offset=True,
        )
