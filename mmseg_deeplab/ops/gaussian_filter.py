"""A separable Gaussian filter over an image whose classes come last."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# Kernels are cut off here, in standard deviations: scipy.ndimage.gaussian_filter's.
TRUNCATE = 4.0


def gaussian_taps(sigma: Tensor, *, longest: int | None = None) -> Tensor:
    """Sample ``exp(-x^2 / (2 sigma^2))`` at the integers up to 4 sigma: ``(2 r + 1,)``.

    Distances beyond ``longest``, the longest in the image, are left out.
    """
    radius = max(1, math.ceil(TRUNCATE * sigma.item()))
    radius = radius if longest is None else min(radius, longest)
    x = torch.arange(-radius, radius + 1, dtype=sigma.dtype, device=sigma.device)
    return torch.exp(-0.5 * (x / sigma) ** 2)


def gaussian_scale(taps: Tensor, length: int) -> Tensor:
    """Return ``D^-1/2`` of the Gaussian along one side of an image, ``(length,)``.

    ``D`` has the kernel's row sums on its diagonal. That of the image is the product of
    those of its rows and of its columns.
    """
    taps = _shortened(taps, length)
    ones = taps.new_ones(1, 1, length)
    sums = F.conv1d(ones, taps.view(1, 1, -1), padding=len(taps) // 2)
    return sums.view(-1).rsqrt()


def gaussian_filter(
    x: Tensor, taps: Tensor, *, halo: tuple[int, int] = (0, 0)
) -> Tensor:
    """Filter ``(H, W, K)`` along both image axes; outside the image is zero.

    The first and last rows of ``x``, as many as ``halo`` says, only serve their
    neighbours and are not in the result; where the image ends they are fewer than the
    kernel's radius.
    """
    height, width, channels = x.shape
    down, across = _shortened(taps, height), _shortened(taps, width)
    missing = [max(len(down) // 2 - rows, 0) for rows in halo]
    # unsqueeze before permute: the strides of the batch decide whether torch sees
    # channels_last, without which the convolution takes ten times as long.
    x = x.contiguous().unsqueeze(0).permute(0, 3, 1, 2)
    x = F.conv2d(
        F.pad(x, (0, 0, *missing)) if any(missing) else x,
        down.view(1, 1, -1, 1).expand(channels, -1, -1, -1),
        groups=channels,
    )
    x = F.conv2d(
        x,
        across.view(1, 1, 1, -1).expand(channels, -1, -1, -1),
        padding=(0, len(across) // 2),
        groups=channels,
    )
    return x.squeeze(0).permute(1, 2, 0)


def _shortened(taps: Tensor, length: int) -> Tensor:
    """Leave out the taps that reach farther than from end to end of a side."""
    excess = max(len(taps) // 2 - (length - 1), 0)
    return taps[excess : len(taps) - excess]
