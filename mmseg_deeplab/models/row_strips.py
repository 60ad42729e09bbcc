"""Parts of a network that are computed by strips of rows."""

from collections.abc import Callable
from functools import partial

import torch
from mmseg.models.utils import InvertedResidual
from torch import Tensor, nn

# Inner maps above this size are computed by strips. The gain in time begins at 32 MiB
# (MobileNetV2 on 2 cores): glibc gives blocks above that back when they are freed, and
# their pages are made anew each time. Between 8 and 32 MiB a block takes up to 1 ms
# longer, which is lost in the whole network, and the peak of memory falls.
LARGE = 8 * 2**20
# Bytes of a strip's inner map, which should stay in a cache: between 4 and 12 MiB the
# times differ by a tenth; 2 MiB took 1.3 times, 25 MiB twice as long.
STRIP = 4 * 2**20


def forward_by_rows(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    rows: int,
    stride: int,
    reach: int,
) -> Tensor:
    """Return ``function(x)``, computed by strips of ``rows`` rows of the result.

    Row ``i`` of the result may depend on the rows ``i * stride - reach`` to ``i *
    stride + reach`` of ``x``. Each strip is read with all of these, so that the zeros
    which a convolution puts around it change only rows that are dropped.
    """
    height = x.shape[2]
    result = None
    out_height = -(-height // stride)
    for top in range(0, out_height, rows):
        bottom = min(top + rows, out_height)
        first = max(0, (top * stride - reach) // stride)
        last = min(height, (bottom - 1) * stride + reach + 1)
        strip = function(x[:, :, first * stride : last])
        if result is None:
            layout = torch.channels_last
            if not strip.is_contiguous(memory_format=layout):
                layout = torch.contiguous_format
            shape = (*strip.shape[:2], out_height, strip.shape[3])
            result = torch.empty_like(
                strip.new_empty(()).expand(shape), memory_format=layout
            )
        result[:, :, top:bottom] = strip[:, :, top - first : bottom - first]
    return result


def predict_by_rows(model: nn.Module) -> nn.Module:
    """Let a network compute its inverted residuals by strips of rows where it pays.

    Their inner map, the largest of a network, need not exist as a whole (`MobileNetV2
    <https://arxiv.org/abs/1801.04381>`_, section 5.1, splits channels instead). This
    happens without gradients, on the CPU, beyond ``LARGE``; not while it is compiled or
    exported.
    """
    for module in model.modules():
        if isinstance(module, InvertedResidual):
            module.forward = RowStrips(module)
    return model


class RowStrips:
    """A forward function that computes an inverted residual by strips of rows."""

    def __init__(self, block: InvertedResidual) -> None:
        self.block = block

    def __call__(self, x: Tensor) -> Tensor:
        forward = partial(type(self.block).forward, self.block)
        tracing = torch.compiler.is_compiling() or torch.jit.is_tracing()
        if tracing or torch.is_grad_enabled() or x.device.type != 'cpu':
            return forward(x)
        depthwise = self.block.conv[-2].conv
        row = depthwise.in_channels * x.shape[0] * x.shape[3] * x.element_size()
        if row * x.shape[2] <= LARGE:
            return forward(x)
        stride, reach = depthwise.stride[0], depthwise.dilation[0]
        # Rows that are read twice must not become the greater part.
        rows = max(STRIP // (row * stride), 2 * reach)
        return forward_by_rows(forward, x, rows=rows, stride=stride, reach=reach)
