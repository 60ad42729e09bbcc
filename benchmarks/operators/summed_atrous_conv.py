"""``summed_atrous_conv2d`` against one ``F.conv2d`` per branch."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.case import Case, Contender, Work, require
from benchmarks.timing import Stopwatch
from mmseg_deeplab.ops import summed_atrous_conv2d

DILATIONS = (6, 12, 18, 24)  # DeepLab v2's
# Images, channels, classes, size: v2's head on crops of 513 for Cityscapes and VOC,
# then few and many classes, a small crop, a wide image, and a thinner backbone.
SHAPES = (
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
TOLERANCE = 1e-4  # of the largest value: float32 sums of 18432 terms, ordered otherwise

Shape = tuple[int, int, int, tuple[int, int]]


def cases(device: torch.device, *, quick: bool = False) -> Iterator[Case]:
    """Each shape without and with its gradients."""
    for shape in SHAPES[:1] if quick else SHAPES:
        for gradients in (False, True):
            yield make_case(shape, gradients, device)


def plain_summed_atrous_conv2d(
    x: Tensor, weights: list[Tensor], biases: list[Tensor], dilations: tuple[int, ...]
) -> Tensor:
    """Add the convolutions, as the networks of this lineage do."""
    out = 0
    for weight, bias, rate in zip(weights, biases, dilations, strict=True):
        out = out + F.conv2d(x, weight, bias, padding=rate, dilation=rate)
    return out


def least_positions(size: tuple[int, int]) -> int:
    """Count the pairs of a tap and an output position that no method can leave out.

    Taps that read padding add nothing, and the centre taps can be summed up front.
    """
    height, width = size
    steps = range(-1, 2)
    taps = {(rate * i, rate * j) for rate in DILATIONS for i in steps for j in steps}
    return sum(max(0, height - abs(y)) * max(0, width - abs(x)) for y, x in taps)


def make_case(shape: Shape, gradients: bool, device: torch.device) -> Case:
    """Return one case.

    Args:
        shape: Images, channels, classes, height and width of the features.
        gradients: Whether those of features, weights and biases are taken, too.
        device: Of both.
    """
    images, channels, classes, size = shape
    torch.manual_seed(0)
    x = torch.randn(images, channels, *size, device=device)
    kernel = (classes, channels, 3, 3)
    weights = [0.01 * torch.randn(kernel, device=device) for _ in DILATIONS]
    biases = [torch.randn(classes, device=device) for _ in DILATIONS]
    gradient = torch.randn(images, classes, *size, device=device)

    def contender(name: str, function: Callable) -> Contender:
        def run(_: Stopwatch) -> list[Tensor]:
            return _results(function, x, weights, biases, gradient, gradients)

        return Contender(name, run, device)

    work = images * channels * classes * least_positions(size)
    moved = x.numel() + gradient.numel() + sum(weight.numel() for weight in weights)
    return Case(
        group='summed_atrous_conv2d',
        name=f'{images} x {channels} x {size[0]} x {size[1]} to {classes}'
        + (', gradients' if gradients else ''),
        stock=contender('four F.conv2d', plain_summed_atrous_conv2d),
        ours=contender('summed_atrous_conv2d', summed_atrous_conv2d),
        compare=_compare,
        # Two more products of the same size, and the gradients of all that was read.
        work=Work(work * (3 if gradients else 1), 4 * moved * (2 if gradients else 1)),
    )


def _results(
    function: Callable,
    x: Tensor,
    weights: list[Tensor],
    biases: list[Tensor],
    gradient: Tensor,
    gradients: bool,
) -> list[Tensor]:
    if not gradients:
        with torch.no_grad():
            return [function(x, weights, biases, DILATIONS)]
    leaves = [tensor.detach().requires_grad_() for tensor in (x, *weights, *biases)]
    branches = len(DILATIONS)
    out = function(leaves[0], leaves[1 : branches + 1], leaves[-branches:], DILATIONS)
    return [out.detach(), *torch.autograd.grad(out, leaves, gradient)]


def _compare(stock: list[Tensor], ours: list[Tensor]) -> dict[str, float]:
    pairs = zip(stock, ours, strict=True)
    relative = [((a - b).abs().max() / a.abs().max()).item() for a, b in pairs]
    errors = dict(output=relative[0])
    if len(relative) > 1:
        errors['gradient'] = max(relative[1:])
    require(max(relative) < TOLERANCE, 'summed_atrous_conv2d', errors)
    return errors
