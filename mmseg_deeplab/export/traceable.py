"""What keeps a network's graph valid for images of any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from mmseg.models.utils import Upsample, resize
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

POOL_ARGUMENTS = ('input', 'kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode')


@contextmanager
def quiet_resize() -> Iterator[None]:
    """Let the host's ``resize`` not warn.

    To word its warning about ``align_corners`` it makes plain integers of sizes, which
    turns them into constants of the graph.
    """
    before = resize.__defaults__
    *others, _ = before  # `warning` is the last argument
    resize.__defaults__ = (*others, False)
    try:
        yield
    finally:
        resize.__defaults__ = before


class WholeUpsample(Upsample):
    """The host's ``Upsample`` by a whole factor, without plain integers of sizes."""

    def forward(self, x: Tensor) -> Tensor:
        """Resize ``(N, C, h, w)``."""
        size = [side * int(self.scale_factor) for side in x.shape[-2:]]
        return resize(x, size, None, self.mode, self.align_corners)


def replace_upsampling(model: nn.Module) -> None:
    """Let a model's upsampling by whole factors be :class:`WholeUpsample`.

    Args:
        model: Changed in place.
    """
    for module in model.modules():
        factor = getattr(module, 'scale_factor', None)
        is_whole = isinstance(factor, float) and factor.is_integer()
        if type(module) is Upsample and not module.size and is_whole:
            module.__class__ = WholeUpsample


class EvenPools(TorchFunctionMode):
    """Max-pool with the same result, whether or not the stride divides the size.

    How torch computes the size of a strided pool's result makes an exported program
    valid for either even or odd sizes alone. So maps are extended first, by repeating
    their last row and column, to a size that leaves no remainder. The last window sees
    the repeated values beside the originals, which cannot change a maximum.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Replace ``max_pool2d``; all else as it is."""
        kwargs = kwargs or {}
        if func is not F.max_pool2d:
            return func(*args, **kwargs)
        given = dict(zip(POOL_ARGUMENTS, args, strict=False)) | kwargs
        return _even_pool(func, **given)


def _even_pool(
    pool: Any,
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    kernel, pads, rates = map(_pair, (kernel_size, padding, dilation))
    steps = _pair(stride) if stride else kernel
    extra = [
        _extra(*geometry, ceil_mode)
        for geometry in zip(input.shape[-2:], kernel, steps, pads, rates, strict=True)
    ]
    if return_indices or any(rows is None for rows in extra):
        return pool(
            input, kernel, steps, pads, rates, ceil_mode, return_indices=return_indices
        )
    if max(steps) > 1:
        input = F.pad(input, (0, extra[1], 0, extra[0]), mode='replicate')
    return pool(input, kernel, steps, pads, rates)


def _extra(
    length: int, kernel: int, step: int, pad: int, rate: int, ceil_mode: bool
) -> int | None:
    """Return how much to add at the end; None if a window could miss the last value.

    It could if it is no longer than its padding and the rounding, or skips values.
    """
    if step > 1 and (kernel <= pad + step - 1 or rate > 1):
        return None
    windows = (length + 2 * pad - kernel + (step - 1) * ceil_mode) // step + 1
    return windows * step + kernel - 2 * pad - 1 - length


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)
