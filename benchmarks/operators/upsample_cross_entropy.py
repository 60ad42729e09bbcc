"""``upsample_cross_entropy`` against MMSeg's resize, loss and accuracy."""

from collections.abc import Iterator

import torch
from mmseg.models.losses import CrossEntropyLoss, accuracy
from mmseg.models.utils import resize
from torch import Tensor

from benchmarks.case import Case, Contender, Work, require
from benchmarks.timing import Stopwatch
from mmseg_deeplab.ops import upsample_cross_entropy

IGNORED = 0.1  # share of the pixels
# Images, classes, size of the logits, size of the labels: ADE20K and Cityscapes at
# output strides 8 and 4, VOC with corners aligned to the grid.
SHAPES = (
    (2, 150, (64, 64), (512, 512)),
    (2, 150, (128, 128), (512, 512)),
    (2, 19, (64, 128), (512, 1024)),
    (2, 19, (128, 256), (512, 1024)),
    (2, 21, (65, 65), (513, 513)),
)
TOLERANCE = 1e-5  # of loss, accuracy and the largest gradient

Shape = tuple[int, int, tuple[int, int], tuple[int, int]]


def cases(device: torch.device, *, quick: bool = False) -> Iterator[Case]:
    """Each shape, forward and backward."""
    for shape in SHAPES[::2] if quick else SHAPES:
        yield make_case(shape, device)


def make_case(shape: Shape, device: torch.device) -> Case:
    """Return one case.

    Args:
        shape: Images, classes, size of the logits, size of the labels.
        device: Of both.
    """
    images, classes, low, size = shape
    torch.manual_seed(0)
    logits = torch.randn(images, classes, *low, device=device, requires_grad=True)
    target = torch.randint(classes, (images, *size), device=device)
    target[torch.rand(target.shape, device=device) < IGNORED] = 255
    criterion = CrossEntropyLoss(avg_non_ignore=True)

    def stock(_: Stopwatch) -> tuple[Tensor, ...]:
        full = resize(logits, size, mode='bilinear', align_corners=False, warning=False)
        loss = criterion(full, target, ignore_index=255)
        right = accuracy(full, target, ignore_index=255)
        return loss.detach(), right, *torch.autograd.grad(loss, logits)

    def ours(_: Stopwatch) -> tuple[Tensor, ...]:
        loss, right = upsample_cross_entropy(logits, target, return_accuracy=True)
        return loss.detach(), right, *torch.autograd.grad(loss, logits)

    scores = classes * target.numel()
    return Case(
        group='upsample_cross_entropy',
        name=f'{images} x {classes} x {low[0]} x {low[1]} to {size[0]} x {size[1]}',
        stock=Contender('resize, CrossEntropyLoss, accuracy', stock, device),
        ours=Contender('upsample_cross_entropy', ours, device),
        compare=_compare,
        # Bilinear interpolation takes four products a score, its adjoint as many.
        work=Work(8 * scores, 2 * 4 * logits.numel() + 8 * target.numel()),
    )


def _compare(stock: tuple[Tensor, ...], ours: tuple[Tensor, ...]) -> dict[str, float]:
    names = ('loss', 'accuracy', 'gradient')
    errors = {
        name: ((a - b).abs().max() / a.abs().max()).item()
        for name, a, b in zip(names, stock, ours, strict=True)
    }
    require(max(errors.values()) < TOLERANCE, 'upsample_cross_entropy', errors)
    return errors
