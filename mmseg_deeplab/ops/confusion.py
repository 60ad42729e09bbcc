"""The confusion matrix, from which all metrics of an evaluation follow."""

import torch
from torch import Tensor

# Rows that are counted before any label is checked: all values of an 8-bit label map.
# The ignored pixels have a row of their own, which is dropped; selecting the others by
# a boolean mask first would cost more than all the counting.
LABEL_VALUES = 256


def confusion_matrix(
    prediction: Tensor, target: Tensor, num_classes: int, *, ignore_index: int = 255
) -> Tensor:
    """Count pixels by true and predicted class in one pass (``bincount`` of pairs).

    Args:
        prediction: Predicted classes, integers 0..K-1, any shape.
        target: True classes of the same shape, or ``ignore_index``.
        num_classes: ``K``.
        ignore_index: Pixels whose target has this value are not counted.

    Returns:
        ``(K, K)`` int64, a row for each true class, on the device of ``prediction``.

    Raises:
        ValueError: If the shapes differ or a value is outside its range.
    """
    return _count(prediction, target, None, num_classes, 1, ignore_index)[0]


def grouped_confusion_matrix(
    prediction: Tensor,
    target: Tensor,
    groups: Tensor,
    num_classes: int,
    num_groups: int,
    *,
    ignore_index: int = 255,
) -> Tensor:
    """Count each group of pixels into a confusion matrix of its own, in one pass.

    ``groups`` holds the group of each pixel, integers 0..G-1, in the shape of
    ``target``; the other arguments are those of :func:`confusion_matrix`, which is
    the sum over ``G`` of the result ``(G, K, K)``.
    """
    if groups.shape != target.shape:
        raise ValueError(
            f'groups {tuple(groups.shape)} and target {tuple(target.shape)} must have '
            'the same shape'
        )
    _check_range('groups', groups, num_groups)
    return _count(prediction, target, groups, num_classes, num_groups, ignore_index)


def _count(
    prediction: Tensor,
    target: Tensor,
    groups: Tensor | None,
    num_classes: int,
    num_groups: int,
    ignore_index: int,
) -> Tensor:
    if prediction.shape != target.shape:
        raise ValueError(
            f'prediction {tuple(prediction.shape)} and target {tuple(target.shape)} '
            'must have the same shape'
        )
    if prediction.device.type != 'cpu':
        counts, wrong = count_without_waiting(
            prediction,
            target,
            num_classes,
            groups,
            num_groups,
            ignore_index=ignore_index,
        )
        if wrong:
            valid = target != ignore_index
            _check_range('prediction', prediction[valid], num_classes)
            _check_range('target', target[valid], num_classes)
        return counts
    rows = max(LABEL_VALUES, num_classes)
    if not (_within(prediction, num_classes) and _within(target, rows)):
        valid = target != ignore_index
        prediction, target = prediction[valid], target[valid]
        groups = None if groups is None else groups[valid]
        _check_range('prediction', prediction, num_classes)
        _check_range('target', target, num_classes)
    size = num_groups * rows * num_classes
    # The narrowest type that holds every index: the pass is bound by memory.
    types = (torch.int16, torch.int32, torch.int64)
    dtype = next(kind for kind in types if size <= torch.iinfo(kind).max)
    index = torch.add(prediction.to(dtype), target.to(dtype), alpha=num_classes)
    if groups is not None:
        index = torch.add(index, groups.to(dtype), alpha=rows * num_classes)
    counts = torch.bincount(index.flatten(), minlength=size)
    counts = counts.view(num_groups, rows, num_classes)
    if 0 <= ignore_index < rows:
        counts[:, ignore_index] = 0
    if counts[:, num_classes:].any():
        _check_range('target', target[target != ignore_index], num_classes)
    return counts[:, :num_classes].contiguous()


def count_without_waiting(
    prediction: Tensor,
    target: Tensor,
    num_classes: int,
    groups: Tensor | None = None,
    num_groups: int = 1,
    *,
    ignore_index: int = 255,
) -> tuple[Tensor, Tensor]:
    """Return the counts ``(G, K, K)``, and the number of pixels without a class.

    Nothing here waits for a GPU; ``bincount`` does.
    """
    size = num_groups * num_classes**2
    index = target.long() * num_classes + prediction
    if groups is not None:
        index += groups.long() * num_classes**2
    is_class = (target >= 0) & (target < num_classes)
    is_class &= (prediction >= 0) & (prediction < num_classes)
    index = index.where(is_class, size).where(target != ignore_index, -1)
    # `histc` is not among the algorithms that PyTorch calls deterministic.
    if index.is_cuda and not torch.are_deterministic_algorithms_enabled():
        # From `min` to `max` by steps of one; what is below is left out.
        counts = torch.histc(index, size + 1, min=0, max=size + 1)
    else:
        counts = torch.bincount(index.flatten() + 1, minlength=size + 2)[1:]
    return counts[:-1].view(num_groups, num_classes, num_classes), counts[-1]


def _within(values: Tensor, limit: int) -> bool:
    if values.numel() == 0:
        return True
    low, high = (value.item() for value in values.aminmax())
    return low >= 0 and high < limit


def _check_range(name: str, classes: Tensor, num_classes: int) -> None:
    if not _within(classes, num_classes):
        low, high = (value.item() for value in classes.aminmax())
        raise ValueError(
            f'{name} holds {low}..{high}, outside 0..{num_classes - 1}: check '
            'num_classes, reduce_zero_label and the label files'
        )
