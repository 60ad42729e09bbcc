"""confusion_matrix against a brute force."""

import pytest
import torch

from mmseg_deeplab.ops import confusion_matrix


def brute_force(prediction, target, num_classes, ignore_index):
    counts = torch.zeros(num_classes, num_classes, dtype=torch.long)
    for p, t in zip(
        prediction.flatten().tolist(), target.flatten().tolist(), strict=True
    ):
        if t != ignore_index:
            counts[t, p] += 1
    return counts


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize(
    'num_classes, ignore_index', [(2, 255), (19, 255), (150, 254), (3, 0)]
)
@pytest.mark.parametrize('shape', [(13, 7), (2, 5, 9), (1, 1)])
def test_equals_brute_force(shape, num_classes, ignore_index, dtype):
    generator = torch.Generator().manual_seed(0)
    prediction = torch.randint(0, num_classes, shape, generator=generator).to(dtype)
    target = torch.randint(0, num_classes, shape, generator=generator).to(dtype)
    target[torch.rand(shape, generator=generator) < 0.3] = ignore_index
    expected = brute_force(prediction, target, num_classes, ignore_index)
    found = confusion_matrix(prediction, target, num_classes, ignore_index=ignore_index)
    assert found.dtype == torch.int64
    assert torch.equal(found, expected)


def test_everything_ignored_is_zero():
    empty = torch.full((4, 4), 255)
    assert confusion_matrix(torch.zeros_like(empty), empty, 3).sum() == 0


@pytest.mark.parametrize(
    'name, p, t', [('prediction', 3, 0), ('target', 0, 3), ('target', 0, -1)]
)
def test_values_out_of_range_are_named(name, p, t):
    with pytest.raises(ValueError, match=f'{name} holds'):
        confusion_matrix(torch.tensor([p]), torch.tensor([t]), 3)


def test_other_shapes_are_named():
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(3, 2\)'):
        confusion_matrix(torch.zeros(2, 3), torch.zeros(3, 2), 3)
