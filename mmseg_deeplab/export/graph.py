"""The whole way from an image to its labels as one module, for images of any size."""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import BaseSegmentor
from mmseg.models.utils import Upsample, resize
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmseg_deeplab.inference.predictor import MAX_UINT8_CLASSES
from mmseg_deeplab.models.segmentors.original_image import swaps_channels
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands
from mmseg_deeplab.utils.value_checks import require_one_of

OUTPUTS = ('labels', 'probabilities')


class PredictionGraph(nn.Module):
    """RGB bytes in, labels or probabilities of the same size out.

    ``(N, H, W, 3)`` uint8, RGB, or ``(N, H, W, C)`` of the ``bands``, float32 where
    they have a value range, becomes ``(N, H, W)`` uint8 (int32 with more than 256
    classes), or ``(N, K, H, W)`` float32. ``segmentor`` is in evaluation mode and
    becomes a part of it.
    """

    def __init__(
        self,
        segmentor: BaseSegmentor,
        output: str = 'labels',
        bands: ImageBands | None = None,
    ) -> None:
        super().__init__()
        require_one_of('output', output, OUTPUTS)
        replace_upsampling(segmentor)
        self.segmentor, self.output = segmentor, output
        preprocessor = segmentor.data_preprocessor
        self.pad_value = float(preprocessor.pad_val)
        test_cfg = preprocessor.test_cfg or {}
        if test_cfg.get('size') is not None:
            raise InputError(
                f'model.data_preprocessor.test_cfg pads to size={test_cfg["size"]}; a '
                'file is for any size. Remedy: size_divisor in place of size'
            )
        self.size_divisor = test_cfg.get('size_divisor') or 1
        # The preprocessor has these buffers only if it normalises.
        self.bands = bands
        channels = 3 if bands is None else len(bands.numbers)
        mean = getattr(preprocessor, 'mean', torch.zeros(channels)).flatten()
        std = getattr(preprocessor, 'std', torch.ones(channels)).flatten()
        if len(mean) != channels:
            raise InputError(f'data_preprocessor has a mean of {len(mean)} channels')
        # In the order of the network's channels.
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())
        # Pipelines load BGR, and the file takes RGB.
        self.swaps_channels = bands is None and not swaps_channels(preprocessor)

    def example(self) -> Tensor:
        """Return an input for the exporters.

        It is not square, has odd sides, and its deepest maps are larger than 1, so that
        nothing special about it becomes a condition of the program.
        """
        is_exact = self.bands is not None and self.bands.value_range is not None
        dtype = torch.float32 if is_exact else torch.uint8
        return torch.zeros((2, 97, 131, len(self.mean)), dtype=dtype)

    def forward(self, image: Tensor) -> Tensor:
        return self._result(self._cut(self._padded_logits(image), image))

    def _cut(self, result: Tensor, image: Tensor) -> Tensor:
        """Cut off what was padded."""
        if self.size_divisor == 1:
            return result
        # By index: a program that slices would be valid either only for sizes that
        # need padding, or only for sizes that do not.
        rows, columns = _positions(image[0, :, 0, 0]), _positions(image[0, 0, :, 0])
        return result.index_select(-2, rows).index_select(-1, columns)

    def _padded_logits(self, image: Tensor) -> Tensor:
        inputs = image.permute(0, 3, 1, 2).float()
        if self.swaps_channels:
            inputs = inputs.flip(1)
        inputs = (inputs - self.mean.view(-1, 1, 1)) / self.std.view(-1, 1, 1)
        if self.size_divisor > 1:
            height, width = image.shape[1:3]
            bottom, right = (-height) % self.size_divisor, (-width) % self.size_divisor
            inputs = F.pad(inputs, (0, right, 0, bottom), value=self.pad_value)
        with EvenPools():
            return self._full_logits(inputs)

    def _full_logits(self, inputs: Tensor) -> Tensor:
        meta = dict(img_shape=inputs.shape[2:])
        return self.segmentor.encode_decode(inputs, [meta])

    def _result(self, logits: Tensor) -> Tensor:
        if logits.shape[1] == 1:
            foreground = logits.sigmoid()
            if self.output == 'probabilities':
                return torch.cat([1 - foreground, foreground], dim=1)
            threshold = self.segmentor.decode_head.threshold
            return (foreground[:, 0] > threshold).to(torch.uint8)
        if self.output == 'probabilities':
            return logits.softmax(dim=1)
        few = logits.shape[1] <= MAX_UINT8_CLASSES
        return logits.argmax(dim=1).to(torch.uint8 if few else torch.int32)


class PanopticGraph(PredictionGraph):
    """The network of a ``PanopticDeepLab``: what its grouping is computed from.

    Besides labels or probabilities it gives the heat of the centres ``(N, 1, H, W)``
    and the offsets ``(N, 2, H, W)`` in pixels.
    """

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        maps = self._cut(self._padded_logits(image), image)
        logits, heat, offset = maps.split([self.segmentor.num_classes, 1, 2], dim=1)
        return self._result(logits), heat, offset

    def _full_logits(self, inputs: Tensor) -> Tensor:
        logits, heat, offset = self.segmentor(inputs, mode='tensor')
        offset = offset * self.segmentor.decode_head.stride
        return resize(
            torch.cat([logits, heat, offset], dim=1),
            size=inputs.shape[2:],
            mode='bilinear',
            align_corners=self.segmentor.align_corners,
        )


def _positions(line: Tensor) -> Tensor:
    """Return 0, 1, 2, ... for each value of a vector, on the vector's device."""
    return torch.ones_like(line, dtype=torch.long).cumsum(0) - 1


def quiet_resize() -> AbstractContextManager:
    """Switch off the warning of MMSegmentation's ``resize``.

    Its check turns sizes into plain integers, which would become constants.
    """
    *others, _ = resize.__defaults__  # the last argument is `warning`
    return patch.object(resize, '__defaults__', (*others, False))


class WholeUpsample(Upsample):
    """``Upsample`` by a whole factor, without plain integers of sizes."""

    def forward(self, x: Tensor) -> Tensor:
        size = [side * int(self.scale_factor) for side in x.shape[-2:]]
        return resize(x, size, None, self.mode, self.align_corners)


def replace_upsampling(model: nn.Module) -> None:
    """Replace every ``Upsample`` by a whole factor, in place."""
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if not isinstance(child, Upsample) or child.size:
                continue
            if float(child.scale_factor).is_integer():
                kept = ('scale_factor', 'mode', 'align_corners')
                whole = WholeUpsample(**{key: getattr(child, key) for key in kept})
                setattr(parent, name, whole)


class EvenPools(TorchFunctionMode):
    """Max-pool with the same result, whether or not the stride divides the size.

    Torch makes an exported program valid for either even or odd sizes only. So maps are
    first extended by their last row and column, which cannot change a maximum.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.max_pool2d and not kwargs.get('return_indices'):
            args, kwargs = _even_pool(*args, **kwargs), {}
        return func(*args, **kwargs)


def _even_pool(
    input: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple:
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
    return input, kernel, steps, pads, rates, ceil_mode


def _extra(
    length: int, kernel: int, step: int, pad: int, rate: int, ceil_mode: bool
) -> int | None:
    """Return how many values to add at the end, or None if a window could miss one."""
    if step > 1 and (kernel <= pad + step - 1 or rate > 1):
        return None
    windows = (length + 2 * pad - kernel + (step - 1) * ceil_mode) // step + 1
    return windows * step + kernel - 2 * pad - 1 - length


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)
