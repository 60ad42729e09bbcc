"""confusion_matrix against a brute force."""

import pytest
import torch

from mmseg_deeplab.ops import confusion_matrix, grouped_confusion_matrix
from mmseg_deeplab.ops.confusion import count_without_waiting

pytestmark = pytest.mark.usefixtures('device')


def brute_force(prediction, target, num_classes, ignore_index):
    counts = torch.zeros(num_classes, num_classes, dtype=torch.long)
    pairs = zip(prediction.flatten().tolist(), target.flatten().tolist(), strict=True)
    for p, t in pairs:
        if t != ignore_index:
            counts[t, p] += 1
    return counts


@pytest.mark.parametrize(
    'num_classes, ignore_index, dtype',
    [
        *((2, 255, kind) for kind in (torch.uint8, torch.int32, torch.int64)),
        (19, 255, torch.uint8),
        (150, 254, torch.uint8),
        (3, 0, torch.uint8),
        *((k, i, torch.int64) for k in (3, 300) for i in (-1, 255, 1000, 70000)),
    ],
)
@pytest.mark.parametrize('shape', [(13, 7), (2, 5, 9), (1, 1)])
def test_equals_brute_force(shape, num_classes, ignore_index, dtype):
    """Of 300 classes, 255 is one like others if something else is ignored."""
    generator = torch.Generator().manual_seed(0)
    prediction, target = torch.randint(0, num_classes, (2, *shape), generator=generator)
    target[torch.rand(shape, generator=generator) < 0.3] = ignore_index
    prediction, target = prediction.to(dtype), target.to(dtype)
    copies = prediction.clone(), target.clone()
    expected = brute_force(prediction, target, num_classes, ignore_index)
    found = confusion_matrix(prediction, target, num_classes, ignore_index=ignore_index)
    assert found.dtype == torch.int64
    assert torch.equal(found, expected)
    assert torch.equal(prediction, copies[0]) and torch.equal(target, copies[1])
    task = prediction, target, num_classes
    counts, wrong = count_without_waiting(*task, ignore_index=ignore_index)
    assert torch.equal(counts[0], expected) and wrong == 0


def test_no_counted_pixel_is_zero():
    ignored, empty = torch.full((4, 4), 255), torch.zeros(0, 5, dtype=torch.long)
    assert confusion_matrix(torch.zeros_like(ignored), ignored, 3).sum() == 0
    assert confusion_matrix(empty, empty, 3).tolist() == [[0] * 3] * 3


@pytest.mark.parametrize(
    'name, p, t', [('prediction', 3, 0), ('target', 0, 3), ('target', 0, -1)]
)
def test_values_out_of_range_are_named(name, p, t):
    with pytest.raises(ValueError, match=f'{name} holds'):
        confusion_matrix(torch.tensor([p]), torch.tensor([t]), 3)


def test_values_out_of_range_are_counted_where_nothing_waits():
    prediction, target = torch.tensor([[0, 3, 2, 9, 1], [0, 0, 9, 255, 1]])
    counts, wrong = count_without_waiting(prediction, target, 3)
    assert wrong == 2 and counts.nonzero().tolist() == [[0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize('stray', [-1, 3, 1000])
def test_predictions_on_ignored_pixels_may_be_anything(stray):
    prediction, target = torch.tensor([stray, 1]), torch.tensor([255, 1])
    assert confusion_matrix(prediction, target, 3).nonzero().tolist() == [[1, 1]]
    with pytest.raises(ValueError, match=f'prediction holds .*{stray}'):
        confusion_matrix(prediction, target.flip(0), 3)


@pytest.mark.parametrize('ignore_index', [255, 0, -1])
@pytest.mark.parametrize('num_classes, num_groups', [(2, 1), (19, 7), (150, 3)])
def test_groups_equal_a_count_of_each(num_classes, num_groups, ignore_index):
    generator = torch.Generator().manual_seed(2)
    prediction, target = torch.randint(0, num_classes, (2, 9, 31), generator=generator)
    target[torch.rand(target.shape, generator=generator) < 0.2] = ignore_index
    groups = torch.randint(0, num_groups, target.shape, generator=generator)
    labels = prediction, target, groups.to(torch.uint8)
    found = grouped_confusion_matrix(
        *labels, num_classes, num_groups, ignore_index=ignore_index
    )
    for group in range(num_groups):
        pixels = (labels[groups == group] for labels in (prediction, target))
        expected = brute_force(*pixels, num_classes, ignore_index)
        assert torch.equal(found[group], expected)


def test_what_does_not_fit_is_named():
    labels = torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r'\(2, 3\).*\(3, 2\)'):
        confusion_matrix(labels, labels.t(), 3)
    with pytest.raises(ValueError, match=r'groups holds 0\.\.2, outside 0\.\.1'):
        grouped_confusion_matrix(labels, labels, torch.arange(6).view(2, 3) // 2, 3, 2)
    with pytest.raises(ValueError, match=r'groups \(2,\) and target \(2, 3\)'):
        grouped_confusion_matrix(labels, labels, labels[:, 0], 3, 2)
