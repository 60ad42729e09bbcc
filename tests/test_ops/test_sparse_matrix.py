"""Sparse matrices against dense ones."""

import pytest
import torch

from mmseg_deeplab.ops import sparse_matrix
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
def test_product_with_values_and_transpose(rows, columns, longest, classes, dtype):
    matrix = random_matrix(rows, columns, longest, dtype=dtype)
    x, expected = random_values(columns, classes), dense(matrix, columns)
    torch.testing.assert_close(matrix.multiply(x), expected @ x)
    turned = matrix.transposed(columns)
    assert turned.columns.dtype == turned.offsets.dtype == dtype
    torch.testing.assert_close(dense(turned, rows), expected.t())


@pytest.mark.parametrize('rows', [23, 24, 25])  # the last part is whole in one of them
def test_large_products_are_made_in_parts(monkeypatch, rows):
    matrix, x = random_matrix(rows, 10, 4), random_values(10, 3)
    expected = matrix.multiply(x)
    monkeypatch.setattr(sparse_matrix, '_LARGEST_BLOCK', 8 * rows * 3 - 1)
    monkeypatch.setattr(sparse_matrix, '_PART_ROWS', 6)
    torch.testing.assert_close(matrix.multiply(x), expected)


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize('longest', [0, 1, 5])
def test_product_of_two(longest, dtype):
    outer = random_matrix(12, 9, longest, seed=2, dtype=dtype)
    inner = random_matrix(9, 14, longest, seed=3, dtype=dtype)
    product = outer.product(inner)
    assert product.columns.dtype == product.offsets.dtype == dtype
    torch.testing.assert_close(dense(product, 14), dense(outer, 9) @ dense(inner, 14))


def test_table_without_the_columns_beyond_the_matrix():
    table = torch.tensor([[0, 3, 9], [1, 9, 9], [9, 9, 9], [2, 0, 1]])
    weights = torch.tensor([1.0, 0.5, 0.25])
    matrix = SparseMatrix.from_table(table, weights, num_columns=3)
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0.5, 0.25, 1]]
    assert dense(matrix, 3).tolist() == expected


@pytest.mark.parametrize('count', [0, 1, 4, 7])
def test_first_rows(count):
    matrix = random_matrix(7, 5, 3)
    first = matrix.first_rows(count)
    assert first.num_rows == count
    assert torch.equal(dense(first, 5), dense(matrix, 5)[:count])


@pytest.mark.parametrize('longest', [1, 2, 5, 100])
def test_short_rows_have_the_same_product(longest):
    matrix = random_matrix(9, 12, 17)
    parts, sums = matrix.in_short_rows(longest)
    assert parts.offsets.diff().max() <= longest
    x = random_values(12, 3)
    torch.testing.assert_close(sums.multiply(parts.multiply(x)), matrix.multiply(x))
