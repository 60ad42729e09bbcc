"""Depthwise atrous convolutions, which oneDNN computes slowly on CPUs."""

from itertools import product
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.grad import conv2d_weight

# The widest padding for which oneDNN has a depthwise kernel, by torch's name of the
# instruction set. With one column more it took 8 (AVX-512) and 40 (AVX2) times as long:
# it computes as if each group had 16 channels, or by a matrix product per channel.
WIDEST_PADDING = dict(AVX512=6, AVX2=4)
# Values of the images for which the gradient of the weights is computed together: 16 MB
# of float32. glibc gives blocks above 32 MB back, whose pages are then made anew.
TOGETHER = 2**22


def depthwise_atrous_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int
) -> Tensor:
    """Return a depthwise convolution of stride 1 whose padding keeps the size.

    The atrous separable convolution of `DeepLab v3+
    <https://arxiv.org/abs/1802.02611>`_, section 3.1, before its 1x1 convolution. Equal
    to ``F.conv2d`` up to rounding, but on a CPU in less time and with more memory:

    - Where oneDNN has no depthwise kernel for the padding, the columns are padded
      before the convolution.
    - The gradient of ``x`` is the convolution of the output's gradient with the flipped
      kernel; oneDNN has no depthwise kernel for it if there is a dilation.
    - The gradient of ``weight`` is summed tap by tap, or, in channels_last with a
      kernel that fits into the map, by a convolution without dilation of the grids of
      every ``dilation``-th pixel.

    The gradients are computed in this way only in float32 without autocast.
    On other devices, and while it is compiled or traced, it is ``F.conv2d``.

    Args:
        x: Features ``(N, C, h, w)``.
        weight: Kernels ``(C, 1, k, l)`` with odd sides.
        bias: ``(C,)``, or None.
        dilation: Rate of the convolution, in both directions.

    Returns:
        ``(N, C, h, w)``.
    """
    padding = [dilation * (side // 2) for side in weight.shape[2:]]
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if traced or x.device.type != 'cpu' or x.dim() != 4:
        return F.conv2d(x, weight, bias, 1, padding, dilation, len(weight))
    plain_types = x.dtype == torch.float32 and not torch.is_autocast_enabled('cpu')
    if not (torch.is_grad_enabled() and plain_types):
        return _convolve(x, weight, bias, dilation)
    out = _DepthwiseAtrousConv.apply(x, weight, dilation)
    return out if bias is None else out + bias[:, None, None]


class _DepthwiseAtrousConv(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        return _convolve(x, weight, None, dilation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        x, weight, ctx.dilation = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def jvp(ctx: Any, x_tangent: Tensor, weight_tangent: Tensor, _: None) -> Tensor:
        x, weight = ctx.saved_tensors
        along_x = _convolve(x_tangent, weight, None, ctx.dilation)
        return along_x + _convolve(x, weight_tangent, None, ctx.dilation)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        with torch.autocast('cpu', enabled=False):  # as in the forward pass
            return *_gradients(ctx, gradient), None


def _gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    x, weight = ctx.saved_tensors
    of_x = of_weight = None
    if ctx.needs_input_grad[0]:
        of_x = _convolve(gradient, weight.flip(2, 3), None, ctx.dilation)
    if ctx.needs_input_grad[1]:
        images = max(1, TOGETHER // max(1, prod(x.shape[1:])))
        parts = zip(x.split(images), gradient.split(images), strict=True)
        of_weight = sum(
            _weight_gradient(*part, weight.shape, ctx.dilation) for part in parts
        )
    return of_x, of_weight


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    rows, columns = (dilation * (side // 2) for side in weight.shape[2:])
    widest = WIDEST_PADDING.get(torch.backends.cpu.get_cpu_capability(), columns)
    if columns > min(widest, x.shape[3]):
        x, columns = F.pad(x, (columns, columns)), 0
    return F.conv2d(x, weight, bias, 1, (rows, columns), dilation, len(weight))


def _weight_gradient(
    x: Tensor, gradient: Tensor, size: torch.Size, dilation: int
) -> Tensor:
    channels_last = x.stride(1) == 1
    if channels_last and max(size[2:]) * dilation <= min(x.shape[2:]):
        # The grids of every dilation-th pixel as images of a larger batch.
        grids = _grids(x, dilation), _grids(gradient, dilation)
        padding = (size[2] // 2, size[3] // 2)
        return conv2d_weight(grids[0], size, grids[1], 1, padding, 1, size[0])
    taps = product(*(range(-(side // 2), side // 2 + 1) for side in size[2:]))
    sums = []
    for down, right in taps:
        rows, read_rows = _overlap(down * dilation, x.shape[2])
        columns, read_columns = _overlap(right * dilation, x.shape[3])
        products = gradient[:, :, rows, columns] * x[:, :, read_rows, read_columns]
        sums.append(products.sum((0, 2, 3)))
    return torch.stack(sums, dim=1).view(size)


def _overlap(shift: int, length: int) -> tuple[slice, slice]:
    """Return the positions that read inside the map, and those that they read."""
    first = max(0, -shift)
    last = max(first, length - max(0, shift))
    return slice(first, last), slice(first + shift, last + shift)


def _grids(x: Tensor, dilation: int) -> Tensor:
    """Return ``(N * dilation ** 2, C, h / dilation, w / dilation)``, rounded up."""
    x = F.pad(x, (0, -x.shape[3] % dilation, 0, -x.shape[2] % dilation))
    x = x.permute(0, 2, 3, 1).unflatten(2, (-1, dilation)).unflatten(1, (-1, dilation))
    return x.permute(0, 2, 4, 1, 3, 5).flatten(0, 2).permute(0, 3, 1, 2)
