"""Logits with labels for the upsampled loss, and the loss at full size."""

import torch
import torch.nn.functional as F
from torch import Tensor


def example(
    shape: tuple[int, ...],
    size: tuple[int, int],
    *,
    dtype: torch.dtype = torch.float64,
    ignored: float = 0.2,
    ignore_index: int = 255,
) -> tuple[Tensor, Tensor]:
    """Return random logits and labels ``(N, *size)``, some of them ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 3
    target = torch.randint(0, shape[1], (shape[0], *size), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = ignore_index
    return logits.to(dtype), target


def full_size(
    logits: Tensor, size: tuple[int, int], align_corners: bool
) -> tuple[Tensor, Tensor]:
    """Return a leaf with the logits in float64, and its upsampled form."""
    leaf = logits.detach().double().requires_grad_()
    full = F.interpolate(leaf, size, mode='bilinear', align_corners=align_corners)
    return leaf, full


def random_shape(seed: int) -> tuple[tuple[int, ...], tuple[int, int]]:
    """Return shapes of logits ``(N, K, h, w)`` and labels ``(H, W)``."""
    generator = torch.Generator().manual_seed(seed)
    draw = [int(torch.randint(1, 22, (), generator=generator)) for _ in range(6)]
    shape = (1 + draw[0] % 3, draw[1], draw[2], draw[3])
    return shape, (draw[4] * 3 + seed % 4, draw[5] * 4 + 1)


SHAPES = [
    ((1, 19, 33, 65), (257, 513)),  # 8k + 1
    ((2, 21, 41, 41), (321, 321)),
    ((3, 5, 7, 11), (50, 83)),  # no whole factor
    ((1, 19, 9, 17), (9, 17)),  # no resizing
    ((2, 7, 40, 31), (13, 9)),  # smaller
    ((1, 4, 20, 6), (7, 61)),  # smaller and larger
    ((1, 3, 1, 1), (5, 4)),
    ((2, 3, 5, 4), (1, 1)),
    ((1, 1, 3, 3), (6, 6)),
    ((1, 2, 1, 9), (1, 40)),
    ((1, 300, 5, 6), (20, 24)),  # more classes than a byte numbers
    *map(random_shape, range(20)),
]
