"""Sparse matrices against dense ones."""

import pytest
import torch

from mmseg_deeplab.ops.sparse_matrix import SparseMatrix

pytestmark = pytest.mark.usefixtures('device')


def random_matrix(rows, columns, longest, *, seed=0, dtype=torch.int32):
    """Rows of 0..longest entries; columns may come twice."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, longest + 1, (rows,), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    total = int(offsets[-1])
    entries = torch.randint(0, columns, (total,), generator=generator)
    weights = torch.randn(total, generator=generator, dtype=torch.float64)
    return SparseMatrix(entries.to(dtype), offsets.to(dtype), weights)


def dense(matrix, columns):
    rows = torch.repeat_interleave(torch.arange(matrix.num_rows), matrix.offsets.diff())
    result = matrix.weights.new_zeros(matrix.num_rows, columns)
    entries = rows, matrix.columns.long()
    return result.index_put_(entries, matrix.weights, accumulate=True)


def random_values(rows, classes):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows, classes, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize(
    'rows, columns, longest, classes',
    [(7, 5, 3, 4), (40, 60, 9, 1), (1, 1, 1, 171), (6, 3, 0, 2)],
)
def test_product_with_values(rows, columns, longest, classes, dtype):
    matrix = random_matrix(rows, columns, longest, dtype=dtype)
    x, expected = random_values(columns, classes), dense(matrix, columns)
    torch.testing.assert_close(matrix.multiply(x), expected @ x)


def test_tables_without_the_columns_beyond_the_matrix():
    table = torch.tensor([[0, 3, 9], [1, 9, 9], [9, 9, 9], [2, 0, 1]])
    weights = torch.tensor([1.0, 0.5, 0.25])
    matrix = SparseMatrix.from_tables(table.split(3), weights, num_columns=3)
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0.5, 0.25, 1]]
    assert dense(matrix, 3).tolist() == expected


@pytest.mark.parametrize('longest', [1, 2, 5, 100])
def test_short_rows_have_the_same_product(longest):
    matrix = random_matrix(9, 12, 17)
    parts, sums = matrix.in_short_rows(longest)
    assert parts.offsets.diff().max() <= longest
    x = random_values(12, 3)
    torch.testing.assert_close(sums.multiply(parts.multiply(x)), matrix.multiply(x))


def test_more_entries_than_the_dtype_of_the_tables_counts():
    table = torch.zeros(100, 2, dtype=torch.int8)
    matrix = SparseMatrix.from_tables([table], torch.ones(2), num_columns=1)
    assert matrix.offsets.dtype == matrix.columns.dtype == torch.int64
    assert dense(matrix, 1).tolist() == [[2]] * 100
