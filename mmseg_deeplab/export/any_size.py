"""What keeps a network's graph valid for images of any size."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import torch.nn.functional as F
from mmseg.models.utils import Upsample, resize
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

POOL_ARGUMENTS = ('input', 'kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode')


def quiet_resize() -> AbstractContextManager:
    """Switch off the warning of MMSegmentation's ``resize``.

    The check behind the warning turns sizes into plain integers, which would make them
    constants of the graph.
    """
    *others, _ = resize.__defaults__  # the last argument is `warning`
    return patch.object(resize, '__defaults__', (*others, False))


class WholeUpsample(Upsample):
    """``Upsample`` by a whole factor, without plain integers of sizes."""

    def forward(self, x: Tensor) -> Tensor:
        """Resize ``(N, C, h, w)``."""
        size = [side * int(self.scale_factor) for side in x.shape[-2:]]
        return resize(x, size, None, self.mode, self.align_corners)


def replace_upsampling(model: nn.Module) -> None:
    """Replace every ``Upsample`` by a whole factor, in place."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if (
                isinstance(child, Upsample)
                and not child.size
                and float(child.scale_factor).is_integer()
            ):
                whole = WholeUpsample(
                    scale_factor=child.scale_factor,
                    mode=child.mode,
                    align_corners=child.align_corners,
                )
                setattr(parent, name, whole)


class EvenPools(TorchFunctionMode):
    """Max-pool with the same result, whether or not the stride divides the size.

    The way torch computes the output size of a strided pool makes an exported program
    valid for either even or odd sizes only. So maps are first extended, by repeating
    their last row and column, to a size that leaves no remainder. The last window sees
    the repeated values beside the originals, which cannot change a maximum.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Change the arguments of ``max_pool2d`` and of nothing else."""
        kwargs = kwargs or {}
        if func is F.max_pool2d and not kwargs.get('return_indices'):
            named = dict(zip(POOL_ARGUMENTS, args, strict=False))
            args, kwargs = (), _even_pool(**named, **kwargs)
        return func(*args, **kwargs)


def _even_pool(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> dict[str, Any]:
    """Return the arguments of the same pool on a map that leaves no remainder."""
    kernel, pads, rates = map(_pair, (kernel_size, padding, dilation))
    steps = _pair(stride) if stride else kernel
    extra = [
        _extra(*geometry, ceil_mode)
        for geometry in zip(input.shape[-2:], kernel, steps, pads, rates, strict=True)
    ]
    if None not in extra and max(steps) > 1:
        input = F.pad(input, (0, extra[1], 0, extra[0]), mode='replicate')
        ceil_mode = False
    values = (input, kernel, steps, pads, rates, ceil_mode)
    return dict(zip(POOL_ARGUMENTS, values, strict=True))


def _extra(
    length: int, kernel: int, step: int, pad: int, rate: int, ceil_mode: bool
) -> int | None:
    """Return how many values to add at the end, or None if that cannot be done.

    It cannot if a window could miss the last value: a window that is no longer than the
    padding and the remainder together, or that skips values.
    """
    if step > 1 and (kernel <= pad + step - 1 or rate > 1):
        return None
    windows = (length + 2 * pad - kernel + (step - 1) * ceil_mode) // step + 1
    return windows * step + kernel - 2 * pad - 1 - length


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)
