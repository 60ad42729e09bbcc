"""The confusion matrix, from which every figure of an evaluation follows."""

import torch
from torch import Tensor


def confusion_matrix(
    prediction: Tensor, target: Tensor, num_classes: int, *, ignore_index: int = 255
) -> Tensor:
    """Count pixels by true and predicted class in one pass (``bincount`` of pairs).

    Args:
        prediction: Predicted classes, integers 0..K-1, any shape.
        target: True classes of the same shape, or ``ignore_index``.
        num_classes: ``K``.
        ignore_index: Pixels with this truth are not counted.

    Returns:
        ``(K, K)`` int64, rows are the truth, on the device of ``prediction``.

    Raises:
        ValueError: If the shapes differ or a value is outside its range.
    """
    if prediction.shape != target.shape:
        raise ValueError(
            f'prediction {tuple(prediction.shape)} and target {tuple(target.shape)} '
            'must have the same shape'
        )
    valid = target != ignore_index
    # int32 holds K * K for every K up to 46340, at half the memory of int64.
    prediction, target = prediction[valid].int(), target[valid].int()
    _check_range('prediction', prediction, num_classes)
    _check_range('target', target, num_classes)
    pairs = target * num_classes + prediction
    counts = torch.bincount(pairs, minlength=num_classes * num_classes)
    return counts.view(num_classes, num_classes)


def _check_range(name: str, classes: Tensor, num_classes: int) -> None:
    if classes.numel() == 0:
        return
    low, high = (value.item() for value in classes.aminmax())
    if low < 0 or high >= num_classes:
        raise ValueError(
            f'{name} holds classes {low}..{high}, outside 0..{num_classes - 1}: '
            'check num_classes, reduce_zero_label and the label files'
        )
