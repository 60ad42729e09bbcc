"""A head with one channel as one with two classes."""

import torch
from torch import Tensor


def two_classes(logits: Tensor) -> Tensor:
    """Return logits ``(N, 2, H, W)`` for those of a sigmoid ``(N, 1, H, W)``.

    ``softmax((0, x))`` is ``(1 - sigmoid(x), sigmoid(x))``. More channels are kept.
    """
    if logits.shape[1] > 1:
        return logits
    return torch.cat([torch.zeros_like(logits), logits], dim=1)
