"""Sparse matrices of short rows against dense ones."""

import pytest
import torch

from mmseg_deeplab.ops import bags as bags_module
from mmseg_deeplab.ops.bags import (
    Bags,
    bags_from_table,
    compose,
    transpose,
    weighted_rows,
)


def random_bags(rows, columns, longest, *, seed=0, dtype=torch.int32):
    """Rows of 0..longest entries; columns may come twice."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(0, longest + 1, (rows,), generator=generator)
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), counts.cumsum(0)])
    total = int(offsets[-1])
    indices = torch.randint(0, columns, (total,), generator=generator)
    weights = torch.randn(total, generator=generator, dtype=torch.float64)
    return Bags(indices.to(dtype), offsets.to(dtype), weights)


def dense(bags, columns):
    rows = torch.repeat_interleave(torch.arange(bags.num_rows), bags.offsets.diff())
    matrix = bags.weights.new_zeros(bags.num_rows, columns)
    return matrix.index_put_((rows, bags.indices.long()), bags.weights, accumulate=True)


def random_values(rows, classes):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows, classes, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize(
    'rows, columns, longest, classes',
    [(7, 5, 3, 4), (40, 60, 9, 1), (1, 1, 1, 171), (6, 3, 0, 2)],
)
def test_product_with_values(rows, columns, longest, classes, dtype):
    matrix = random_bags(rows, columns, longest, dtype=dtype)
    x = random_values(columns, classes)
    torch.testing.assert_close(weighted_rows(x, matrix), dense(matrix, columns) @ x)


@pytest.mark.parametrize('rows', [23, 24, 25])  # the last part is whole in one of them
def test_large_products_are_made_in_parts(monkeypatch, rows):
    matrix, x = random_bags(rows, 10, 4), random_values(10, 3)
    monkeypatch.setattr(bags_module, '_LARGEST_BLOCK', 8 * rows * 3 - 1)
    monkeypatch.setattr(bags_module, '_PART_ROWS', 6)
    sizes = []
    whole = bags_module._sum
    monkeypatch.setattr(
        bags_module, '_sum', lambda x, b: (sizes.append(b.num_rows), whole(x, b))[1]
    )
    torch.testing.assert_close(weighted_rows(x, matrix), dense(matrix, 10) @ x)
    assert sizes == [6] * (rows // 6) + [rows % 6] * (rows % 6 > 0)


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize('longest', [0, 1, 5])
def test_compose_is_the_matrix_product(longest, dtype):
    outer = random_bags(12, 9, longest, seed=2, dtype=dtype)
    inner = random_bags(9, 14, longest, seed=3, dtype=dtype)
    product = compose(outer, inner)
    assert product.indices.dtype == product.offsets.dtype == dtype
    torch.testing.assert_close(dense(product, 14), dense(outer, 9) @ dense(inner, 14))


def test_compose_keeps_empty_rows():
    outer = Bags(
        torch.tensor([1, 0, 1]), torch.tensor([0, 0, 2, 2, 3, 3]), torch.ones(3)
    )
    inner = Bags(torch.tensor([2, 2]), torch.tensor([0, 0, 2]), torch.tensor([3.0, 4]))
    product = compose(outer, inner)
    assert product.offsets.tolist() == [0, 0, 2, 2, 4, 4]
    assert dense(product, 3).tolist() == [[0, 0, s] for s in (0.0, 7, 0, 7, 0)]


def test_table_without_the_columns_beyond_the_matrix():
    table = torch.tensor([[0, 3, 9], [1, 9, 9], [9, 9, 9], [2, 0, 1]])
    weights = torch.tensor([1.0, 0.5, 0.25])
    matrix = bags_from_table(table, weights, num_columns=3)
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0.5, 0.25, 1]]
    assert dense(matrix, 3).tolist() == expected


@pytest.mark.parametrize('count', [0, 1, 4, 7])
def test_first_rows(count):
    matrix = random_bags(7, 5, 3)
    first = matrix.first_rows(count)
    assert first.num_rows == count
    assert torch.equal(dense(first, 5), dense(matrix, 5)[:count])


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
@pytest.mark.parametrize('rows, columns, longest', [(7, 5, 3), (40, 60, 9), (6, 3, 0)])
def test_transpose(rows, columns, longest, dtype):
    matrix = random_bags(rows, columns, longest, dtype=dtype)
    turned = transpose(matrix, columns)
    assert turned.indices.dtype == turned.offsets.dtype == dtype
    torch.testing.assert_close(dense(turned, rows), dense(matrix, columns).t())
