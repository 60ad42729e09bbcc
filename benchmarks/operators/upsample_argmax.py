"""``upsample_argmax`` against resize and argmax."""

from collections.abc import Iterator
from functools import partial

import torch
from mmseg.models.utils import resize
from torch import Tensor

from benchmarks.case import Case, Contender, Work, require
from benchmarks.timing import Stopwatch
from mmseg_deeplab.ops import upsample_argmax

# Classes, size of the logits, size of the labels: Cityscapes at output strides 16, 8
# and 4, ADE20K at 8 and 4, VOC.
SHAPES = (
    (19, (64, 128), (1024, 2048)),
    (19, (128, 256), (1024, 2048)),
    (19, (256, 512), (1024, 2048)),
    (150, (64, 86), (512, 683)),
    (150, (128, 171), (512, 683)),
    (21, (65, 65), (513, 513)),
)
TIE = 1e-5  # scores this near to each other may be ordered either way

Shape = tuple[int, tuple[int, int], tuple[int, int]]


def cases(device: torch.device, *, quick: bool = False) -> Iterator[Case]:
    """Each shape."""
    for shape in SHAPES[1::2] if quick else SHAPES:
        yield make_case(shape, device)


def make_case(shape: Shape, device: torch.device) -> Case:
    """Return one case.

    Args:
        shape: Classes, size of the logits, size of the labels.
        device: Of both.
    """
    classes, low, size = shape
    torch.manual_seed(0)
    logits = torch.randn(1, classes, *low, device=device)

    def stock(_: Stopwatch) -> Tensor:
        return _upsample(logits, size).argmax(1)

    def ours(_: Stopwatch) -> Tensor:
        return upsample_argmax(logits, size)

    pixels = size[0] * size[1]
    return Case(
        group='upsample_argmax',
        name=f'{classes} x {low[0]} x {low[1]} to {size[0]} x {size[1]}',
        stock=Contender('resize, argmax', stock, device),
        ours=Contender('upsample_argmax', ours, device),
        compare=partial(_compare, logits, size),
        # Bilinear interpolation takes four products a score; labels are int64.
        work=Work(4 * classes * pixels, 4 * logits.numel() + 8 * pixels),
    )


def _upsample(logits: Tensor, size: tuple[int, int]) -> Tensor:
    return resize(logits, size, mode='bilinear', align_corners=False, warning=False)


def _compare(
    logits: Tensor, size: tuple[int, int], stock: Tensor, ours: Tensor
) -> dict[str, float]:
    differs = stock != ours
    best = _upsample(logits, size).topk(2, dim=1).values
    apart = best[:, 0] - best[:, 1] > TIE
    errors = {'other labels': differs.double().mean().item()}
    require(not (differs & apart).any().item(), 'upsample_argmax', errors)
    return errors
