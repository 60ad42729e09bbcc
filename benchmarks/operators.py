"""``ops``: the functions of ``mmseg_deeplab.ops`` against the stock ones."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.evaluation import IoUMetric
from mmseg.models.losses import CrossEntropyLoss, accuracy
from mmseg.models.utils import resize
from torch import Tensor

from mmseg_deeplab.ops import (
    confusion_matrix,
    depthwise_atrous_conv2d,
    summed_atrous_conv2d,
    upsample_argmax,
    upsample_cross_entropy,
)

from .case import Case, Errors, Study, require
from .report import columns_of, errors_text

Size = tuple[int, int]
IGNORED, WRONG = 0.1, 0.2  # shares of the pixels
LABEL_GRID = 32  # pixels between independent labels: regions, as in real masks

DILATIONS = (6, 12, 18, 24)  # DeepLab v2's
# Images, channels, classes, size: v2's head on crops of 513 for Cityscapes and VOC,
# then few and many classes, a small crop, a wide image, and a thinner backbone.
CONV_SHAPES = (
    (1, 2048, 19, (65, 65)),
    (4, 2048, 19, (65, 65)),
    (1, 2048, 21, (65, 65)),
    (4, 2048, 21, (65, 65)),
    (1, 2048, 2, (65, 65)),
    (1, 2048, 171, (65, 65)),
    (1, 2048, 21, (33, 33)),
    (1, 2048, 19, (129, 257)),
    (1, 512, 21, (65, 65)),
)
CONV_TOLERANCE = 1e-4  # float32 sums of 18432 terms in another order
# Images, channels, size, dilation: v3+ of the paper's strides 16 and 8 on 512x1024, its
# training on 512x512, and MobileNetV2 in v3 at stride 8.
DEPTHWISE_SHAPES = (
    (1, 2048, (32, 64), 12),
    (1, 2048, (64, 128), 36),
    (2, 2048, (32, 32), 6),
    (2, 2048, (32, 32), 18),
    (8, 384, (33, 33), 2),
    (8, 960, (33, 33), 4),
)
# Images, classes, size of the logits, size of the labels: ADE20K and Cityscapes at
# output strides 8 and 4, VOC.
LOSS_SHAPES = (
    (2, 150, (64, 64), (512, 512)),
    (2, 150, (128, 128), (512, 512)),
    (2, 19, (64, 128), (512, 1024)),
    (2, 19, (128, 256), (512, 1024)),
    (2, 21, (65, 65), (513, 513)),
)
LOSS_TOLERANCE = 1e-5  # relative, of loss, accuracy and gradient
# Classes, size of the logits, size of the labels: Cityscapes at output strides 16, 8
# and 4, ADE20K at 8 and 4, VOC.
ARGMAX_SHAPES = (
    (19, (64, 128), (1024, 2048)),
    (19, (128, 256), (1024, 2048)),
    (19, (256, 512), (1024, 2048)),
    (150, (64, 86), (512, 683)),
    (150, (128, 171), (512, 683)),
    (21, (65, 65), (513, 513)),
)
TIE = 1e-5  # logits this close to each other may be ordered either way
# Classes and size: Cityscapes, ADE20K, VOC.
COUNT_SHAPES = ((19, (1024, 2048)), (150, (512, 683)), (21, (375, 500)))


def plain_summed_atrous_conv2d(
    x: Tensor, weights: list[Tensor], biases: list[Tensor], dilations: tuple[int, ...]
) -> Tensor:
    """Add one convolution per branch, as other code bases do."""
    out = 0
    for weight, bias, rate in zip(weights, biases, dilations, strict=True):
        out = out + F.conv2d(x, weight, bias, padding=rate, dilation=rate)
    return out


def without_and_with_gradients(
    make: Callable[..., Case], shapes: Sequence[tuple], device: torch.device
) -> Iterator[Case]:
    """Make two cases per shape: of the output, and of the gradients, too."""
    for shape in shapes:
        for gradients in (False, True):
            yield make(*shape, gradients, device)


def _outputs(
    function: Callable[..., Tensor], tensors: Sequence[Tensor], gradient: Tensor | None
) -> list[Tensor]:
    """Return the output, and the gradients of the tensors if that of it is given."""
    if gradient is None:
        with torch.no_grad():
            return [function(*tensors)]
    leaves = [tensor.detach().requires_grad_() for tensor in tensors]
    out = function(*leaves)
    return [out.detach(), *torch.autograd.grad(out, leaves, gradient)]


def _conv_case(
    images: int, channels: int, classes: int, size: Size, gradients: bool, device: Any
) -> Case:
    torch.manual_seed(0)
    x = torch.randn(images, channels, *size, device=device)
    kernel = (classes, channels, 3, 3)
    weights = [0.01 * torch.randn(kernel, device=device) for _ in DILATIONS]
    biases = [torch.randn(classes, device=device) for _ in DILATIONS]
    gradient = torch.randn(images, classes, *size, device=device)

    def run(function: Callable) -> list[Tensor]:
        return _outputs(
            lambda x, *leaves: function(x, leaves[:4], leaves[4:], DILATIONS),
            [x, *weights, *biases],
            gradient if gradients else None,
        )

    return Case(
        group='`summed_atrous_conv2d`',
        name=f'{images} x {channels} x {size[0]} x {size[1]} to {classes}'
        + (', gradients' if gradients else ''),
        stock=lambda: run(plain_summed_atrous_conv2d),
        ours=lambda: run(summed_atrous_conv2d),
        compare=partial(_compare, 'summed_atrous_conv2d', CONV_TOLERANCE, ['output']),
        device=device,
    )


def _depthwise_case(
    images: int, channels: int, size: Size, dilation: int, gradients: bool, device: Any
) -> Case:
    torch.manual_seed(0)
    x, gradient = (
        torch.randn(images, channels, *size, device=device).contiguous(
            memory_format=torch.channels_last
        )
        for _ in range(2)
    )
    weight = torch.randn(channels, 1, 3, 3, device=device)
    run = partial(
        _outputs, tensors=[x, weight], gradient=gradient if gradients else None
    )
    stock = partial(F.conv2d, padding=dilation, dilation=dilation, groups=channels)
    ours = partial(depthwise_atrous_conv2d, bias=None, dilation=dilation)
    return Case(
        group='`depthwise_atrous_conv2d`',
        name=f'{images} x {channels} x {size[0]} x {size[1]}, dilation {dilation}'
        + (', gradients' if gradients else ''),
        stock=partial(run, stock),
        ours=partial(run, ours),
        compare=partial(
            _compare, 'depthwise_atrous_conv2d', CONV_TOLERANCE, ['output']
        ),
        device=device,
    )


def _compare(
    what: str,
    tolerance: float,
    names: Sequence[str],
    stock: Sequence[Tensor],
    ours: Sequence[Tensor],
) -> Errors:
    """Return the largest relative errors; tensors after the names are gradients."""
    errors: dict[str, float] = {}
    near = True  # False for NaN, too
    for i, (one, other) in enumerate(zip(stock, ours, strict=True)):
        name = names[i] if i < len(names) else 'gradient'
        error = ((one - other).abs().max() / one.abs().max()).item()
        errors[name] = max(error, errors.get(name, 0.0))
        near = near and error < tolerance
    require(near, what, errors)
    return errors


def loss_cases(shapes: Sequence[tuple], device: torch.device) -> Iterator[Case]:
    """Make the cases of ``upsample_cross_entropy``, forward and backward."""
    names = ('loss', 'accuracy')
    compare = partial(_compare, 'upsample_cross_entropy', LOSS_TOLERANCE, names)
    for images, classes, low, size in shapes:
        torch.manual_seed(0)
        logits = torch.randn(images, classes, *low, device=device, requires_grad=True)
        target = torch.randint(classes, (images, *size), device=device)
        target[torch.rand(target.shape, device=device) < IGNORED] = 255
        yield Case(
            group='`upsample_cross_entropy`',
            name=f'{images} x {classes} x {low[0]} x {low[1]} to {size[0]} x {size[1]}',
            stock=partial(_loss, logits, target, stock=True),
            ours=partial(_loss, logits, target, stock=False),
            compare=compare,
            device=device,
        )


def _loss(logits: Tensor, target: Tensor, *, stock: bool) -> tuple[Tensor, ...]:
    if stock:
        full = _upsample(logits, target.shape[1:])
        loss = CrossEntropyLoss(avg_non_ignore=True)(full, target, ignore_index=255)
        right = accuracy(full, target, ignore_index=255)
    else:
        loss, right = upsample_cross_entropy(
            logits, target, align_corners=False, return_accuracy=True
        )
    return loss.detach(), right, *torch.autograd.grad(loss, logits)


def _upsample(logits: Tensor, size: Size) -> Tensor:
    return resize(logits, size, mode='bilinear', align_corners=False, warning=False)


def argmax_cases(shapes: Sequence[tuple], device: torch.device) -> Iterator[Case]:
    """Make the cases of ``upsample_argmax``."""
    for classes, low, size in shapes:
        torch.manual_seed(0)
        logits = torch.randn(1, classes, *low, device=device)
        yield Case(
            group='`upsample_argmax`',
            name=f'{classes} x {low[0]} x {low[1]} to {size[0]} x {size[1]}',
            stock=lambda logits=logits, size=size: _upsample(logits, size).argmax(1),
            ours=partial(upsample_argmax, logits, size),
            compare=partial(_compare_argmax, logits, size),
            device=device,
        )


def _compare_argmax(logits: Tensor, size: Size, stock: Tensor, ours: Tensor) -> Errors:
    differs = stock != ours
    best = _upsample(logits, size).topk(2, dim=1).values
    apart = best[:, 0] - best[:, 1] > TIE
    errors = {'other labels': differs.double().mean().item()}
    require(not (differs & apart).any().item(), 'upsample_argmax', errors)
    return errors


def count_cases(shapes: Sequence[tuple], device: torch.device) -> Iterator[Case]:
    """Make the cases of ``confusion_matrix``."""
    for classes, size in shapes:
        prediction, target = _labels(classes, size, device)
        stock = IoUMetric.intersect_and_union
        yield Case(
            group='`confusion_matrix`',
            name=f'{classes} classes, {size[0]} x {size[1]}',
            stock=partial(stock, prediction, target, classes, 255),
            ours=partial(confusion_matrix, prediction, target, classes),
            compare=_compare_counts,
            device=device,
        )


def _labels(classes: int, size: Size, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw a ground truth in regions and a prediction that is right in most places."""
    torch.manual_seed(0)
    coarse = torch.randint(classes, (1, 1, *(-(-side // LABEL_GRID) for side in size)))
    target = F.interpolate(coarse.float(), size, mode='nearest')[0, 0].long()
    wrong = torch.rand(size) < WRONG
    prediction = torch.randint(classes, size).where(wrong, target)
    target[torch.rand(size) < IGNORED] = 255
    return prediction.to(device), target.to(device)


def _compare_counts(stock: tuple[Tensor, ...], ours: Tensor) -> Errors:
    intersect, union, predicted, labelled = (area.cpu().long() for area in stock)
    matrix = ours.cpu()
    rows, columns = matrix.sum(1), matrix.sum(0)
    pairs = (
        (matrix.diag(), intersect),
        (columns + rows - matrix.diag(), union),
        (columns, predicted),
        (rows, labelled),
    )
    errors = dict(counts=max((a - b).abs().max().item() for a, b in pairs))
    require(errors['counts'] == 0, 'confusion_matrix', errors)
    return errors


SUBJECTS = {
    'summed_atrous_conv2d': (
        partial(without_and_with_gradients, _conv_case),
        CONV_SHAPES,
    ),
    'depthwise_atrous_conv2d': (
        partial(without_and_with_gradients, _depthwise_case),
        DEPTHWISE_SHAPES,
    ),
    'upsample_cross_entropy': (loss_cases, LOSS_SHAPES),
    'upsample_argmax': (argmax_cases, ARGMAX_SHAPES),
    'confusion_matrix': (count_cases, COUNT_SHAPES),
}
STUDY = Study(
    help='mmseg_deeplab.ops against MMSegmentation',
    columns=columns_of(('function', 'case'), {'largest errors': errors_text}),
    subjects=SUBJECTS,
    quick={name: (make, shapes[:1]) for name, (make, shapes) in SUBJECTS.items()},
    cases=lambda subject, variants, device: subject[0](subject[1], device),
)
