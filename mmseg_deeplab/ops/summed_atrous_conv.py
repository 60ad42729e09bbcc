"""Parallel 3x3 atrous convolutions of one input, summed, as one matrix product."""

import functools
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Elements of the tap maps made at a time: 8 MB of float32, what caches hold.
BLOCK_ELEMENTS = 2**21
# Elements of the shifted gradients per weight gradient product: 64 MB of float32.
CHUNK_ELEMENTS = 2**24
# Multiply-adds below which a row block is not worth a product of its own; four times
# as many where each block costs a copy of its kernels.
BLOCK_WORK = 2**28
# Channels, positions of the map and classes between which plain_wins draws the line.
DEEP, SMALL = 2048, 2500
FEW_CLASSES, VERY_FEW_CLASSES, MANY_CLASSES = 24, 8, 96

# Not in a PyTorch built without oneDNN.
ONEDNN = hasattr(torch.ops.mkldnn, '_linear_pointwise')


class Tap(NamedTuple):
    """One position of the kernels: where it reads, and the weights it applies."""

    dy: int  # rows below the output position, at feature resolution
    dx: int  # columns to the right of it
    sources: tuple[tuple[int, int], ...]  # (branch, one of nine); the centres share it


def summed_atrous_conv2d(
    x: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor | None] | None,
    dilations: Sequence[int],
) -> Tensor:
    """Return the sum of several 3x3 convolutions, stride 1, padding = dilation.

    The classifier of `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.2.
    Equal to the sum of ``F.conv2d(x, weight, bias, padding=d, dilation=d)``, but the
    features are read once: one matrix product applies all taps of all kernels (the
    centre taps merged, taps wholly outside left out), then the ``K`` maps of each tap
    are shifted and added in float32. The gradients are products of the same kind.
    Memory beyond the results: two copies of the weights, and for maps up to 129x257
    and 171 classes at most 8 MB of tap maps forward, 64 MB of gradients backward.
    Where plain convolutions win (see :func:`plain_wins`), they are called.
    Differentiable once: a second derivative raises an error. Autocast casts as it
    does for ``F.conv2d``.

    Args:
        x: Features ``(N, C, h, w)``, any layout.
        weights: Kernels ``(K, C, 3, 3)``, one per branch.
        biases: ``(K,)`` per branch, None for none.
        dilations: Rate of each branch, at feature resolution.

    Returns:
        ``(N, K, h, w)``, of the type of ``x``.
    """
    weights, dilations = list(weights), list(dilations)
    biases = [None] * len(weights) if biases is None else list(biases)
    _check_shapes(x, weights, biases, dilations)
    x, weights, biases = _autocast(x, weights, biases)
    tensors = [x, *weights, *(bias for bias in biases if bias is not None)]
    _check_types(tensors)
    training = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
    if plain_wins(x, weights[0].shape[0], dilations, training=training):
        return sum(
            F.conv2d(x, weight, bias, padding=rate, dilation=rate)
            for weight, bias, rate in zip(weights, biases, dilations, strict=True)
        )
    given = [b.to(_accumulator(x.dtype)) for b in biases if b is not None]
    # Not stack().sum(): its gradients share memory, and adding those of a second batch
    # in place would count each as often as there are branches.
    bias = functools.reduce(torch.add, given) if given else None
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if not training and type(x) is Tensor and not traced:
        # Calling an operator for the first time imports torch's compiler: a second.
        return _apply_taps(x, weights, bias, dilations)
    return _summed_atrous_conv2d(x, weights, bias, dilations)


def plain_wins(
    x: Tensor, num_classes: int, dilations: Sequence[int], *, training: bool
) -> bool:
    """Tell where separate convolutions are faster, by times on the CPU in float32.

    A convolution computes its classes by 16, which wastes work for few of them, and
    reads 2048 channels for each branch; but it leaves out all padding, much of a small
    map, and with 171 classes the gain was between 0.90x and 1.4x. On a GPU nothing has
    been measured, and plain convolutions are taken.
    """
    if x.device.type != 'cpu' or x.numel() == 0 or len(dilations) == 1:
        return True
    deep, small = x.shape[1] >= DEEP, x.shape[2] * x.shape[3] < SMALL
    computed = -(-num_classes // 16) * 16
    if num_classes <= FEW_CLASSES and num_classes <= 0.75 * computed:
        return small and not deep and not training and num_classes > VERY_FEW_CLASSES
    if not deep or num_classes > MANY_CLASSES:
        return True
    return not (training or (x.is_contiguous() and not small))


def _apply_taps(
    x: Tensor, weights: list[Tensor], bias: Tensor | None, dilations: list[int]
) -> Tensor:
    """Apply all taps by matrix products, then shift and add."""
    n, _, h, w = x.shape
    taps = _taps(dilations, h, w)
    kernel = _gather(weights, taps)
    classes = kernel.shape[1]
    out = x.new_zeros((n, classes, h, w), dtype=_accumulator(x.dtype))
    if bias is not None:
        out += bias[:, None, None]
    for images in _image_blocks(x, len(taps) * classes):
        for rows in _row_blocks(x, taps, classes, work=BLOCK_WORK):
            chosen = _taps_reading(taps, rows, h)
            matrix, read = kernel[chosen].flatten(0, 1), x[images, :, rows].flatten(2)
            if len(read) == 1:
                maps = _product(matrix, read[0])[None]
            else:
                maps = torch.bmm(matrix.expand(len(read), -1, -1), read)
            maps = maps.unflatten(2, (-1, w)).unflatten(1, (-1, classes))
            _shift_and_add(out[images], maps, taps[chosen], rows)
    return out.to(x.dtype)


_summed_atrous_conv2d = torch.library.custom_op(
    'mmseg_deeplab::summed_atrous_conv2d', _apply_taps, mutates_args=()
)


@_summed_atrous_conv2d.register_fake
def _(
    x: Tensor, weights: list[Tensor], bias: Tensor | None, dilations: list[int]
) -> Tensor:
    return x.new_empty((x.shape[0], weights[0].shape[0], *x.shape[2:]))


@torch.library.custom_op('mmseg_deeplab::summed_atrous_conv2d_input', mutates_args=())
def _input_gradient(
    grad: Tensor, x: Tensor, weights: list[Tensor], dilations: list[int]
) -> Tensor:
    """Multiply the transposed kernels of all taps by the shifted gradients."""
    (_, _, h, w), classes = x.shape, grad.shape[1]
    taps = _taps(dilations, h, w)
    kernel = _gather(weights, taps)
    reach, out = _reach(taps), torch.empty_like(x)
    padded = F.pad(grad, (reach,) * 4)
    channels_last = not out.is_contiguous()
    transposed = None if channels_last else kernel.permute(2, 0, 1).contiguous()
    for image in range(x.shape[0]):
        for rows in _row_blocks(x, taps, classes, work=4 * BLOCK_WORK):
            chosen = _taps_reading(taps, rows, h)
            shifted = _shift(padded[image], taps[chosen], rows, reach, w)
            if transposed is None:  # made in the layout of the result
                made = _product(shifted.t(), kernel[chosen].flatten(0, 1)).t()
            else:
                made = _product(transposed[:, chosen].flatten(1), shifted)
            out[image, :, rows] = made.unflatten(1, (-1, w))
    return out


@_input_gradient.register_fake
def _(grad: Tensor, x: Tensor, weights: list[Tensor], dilations: list[int]) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op('mmseg_deeplab::summed_atrous_conv2d_weight', mutates_args=())
def _weight_gradient(
    grad: Tensor, x: Tensor, dilations: list[int], needed: list[bool]
) -> list[Tensor]:
    """Multiply the shifted gradients by the transposed features."""
    (_, channels, h, w), classes = x.shape, grad.shape[1]
    taps = _taps(dilations, h, w, needed)
    reach = _reach(taps)
    padded = F.pad(grad, (reach,) * 4)
    total: Tensor | None = None
    step = max(1, CHUNK_ELEMENTS // (len(taps) * classes * w))
    for image in range(x.shape[0]):
        for rows in _equal_slices(h, step):
            shifted = _shift(padded[image], taps, rows, reach, w)
            made = _product(shifted, x[image, :, rows].flatten(1).t())
            total = (
                made.to(_accumulator(x.dtype)) if total is None else total.add_(made)
            )
    return _scatter(total.view(-1, classes, channels), taps, needed, x.dtype)


@_weight_gradient.register_fake
def _(
    grad: Tensor, x: Tensor, dilations: list[int], needed: list[bool]
) -> list[Tensor]:
    shape = (grad.shape[1], x.shape[1], 3, 3)
    return [x.new_empty(shape if wanted else (0,)) for wanted in needed]


def _setup_context(ctx, inputs: tuple, output: Tensor) -> None:
    x, weights, bias, dilations = inputs
    ctx.save_for_backward(x, *weights)
    ctx.dilations, ctx.bias_dtype = dilations, None if bias is None else bias.dtype


def _backward(ctx, grad: Tensor) -> tuple:
    x, *weights = ctx.saved_tensors
    needs_x, needs_weights, needs_bias, _ = ctx.needs_input_grad
    grad_x = grad_weights = grad_bias = None
    if needs_x:
        grad_x = _input_gradient(grad, x, weights, ctx.dilations)
    if any(needs_weights):
        made = _weight_gradient(grad, x, ctx.dilations, list(needs_weights))
        grad_weights = [
            weight if wanted else None
            for weight, wanted in zip(made, needs_weights, strict=True)
        ]
    if needs_bias:
        grad_bias = grad.sum(dim=(0, 2, 3), dtype=ctx.bias_dtype)
    return grad_x, grad_weights or [None] * len(weights), grad_bias, None


_summed_atrous_conv2d.register_autograd(_backward, setup_context=_setup_context)


def _taps(
    dilations: Sequence[int], height: int, width: int, needed: Sequence[bool] = ()
) -> list[Tap]:
    """Return the taps that reach the map, by row, those of equal position merged."""
    places: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for branch, rate in enumerate(dilations):
        for index in range(9):
            dy, dx = (index // 3 - 1) * rate, (index % 3 - 1) * rate
            reaches = abs(dy) < height and abs(dx) < width
            if reaches and (not needed or needed[branch]):
                places.setdefault((dy, dx), []).append((branch, index))
    return [Tap(*place, tuple(places[place])) for place in sorted(places)]


def _reach(taps: Sequence[Tap]) -> int:
    return max(max(abs(tap.dy), abs(tap.dx)) for tap in taps)


def _taps_reading(taps: Sequence[Tap], rows: slice, height: int) -> slice:
    """Select the taps that read any of the rows; they are neighbours in the list."""
    inside = [
        i for i, tap in enumerate(taps) if rows.start - height < tap.dy < rows.stop
    ]
    return slice(inside[0], inside[-1] + 1)


def _gather(weights: Sequence[Tensor], taps: Sequence[Tap]) -> Tensor:
    """Return the matrix of each tap ``(taps, K, C)``."""
    classes, channels = weights[0].shape[:2]
    out = weights[0].new_empty((len(taps), classes, channels))
    for matrix, tap in zip(out, taps, strict=True):
        (branch, index), *others = tap.sources
        matrix.copy_(weights[branch].flatten(2)[..., index])
        for branch, index in others:
            matrix += weights[branch].flatten(2)[..., index]
    return out


def _scatter(
    matrices: Tensor, taps: Sequence[Tap], needed: Sequence[bool], dtype: torch.dtype
) -> list[Tensor]:
    """Bring the gradients of the taps back to the kernels they came from."""
    shape = (*matrices.shape[1:], 9)
    complete = sum(len(tap.sources) for tap in taps) == 9 * sum(needed)
    make = matrices.new_empty if complete else matrices.new_zeros
    out = [make(shape if wanted else (0,), dtype=dtype) for wanted in needed]
    for matrix, tap in zip(matrices, taps, strict=True):
        for branch, index in tap.sources:
            out[branch][..., index] = matrix
    return [
        kernel.unflatten(2, (3, 3)) if wanted else kernel
        for kernel, wanted in zip(out, needed, strict=True)
    ]


def _shift_and_add(out: Tensor, maps: Tensor, taps: Sequence[Tap], rows: slice) -> None:
    """Add ``maps`` (n, taps, K, rows, w) where each tap sends the rows it read."""
    height, width = out.shape[2:]
    for index, (dy, dx, _) in enumerate(taps):
        low, high = max(rows.start, dy), min(rows.stop, height + dy)
        left, right = max(0, dx), min(width, width + dx)
        read = maps[:, index, :, low - rows.start : high - rows.start, left:right]
        out[:, :, low - dy : high - dy, left - dx : right - dx] += read


def _shift(
    padded: Tensor, taps: Sequence[Tap], rows: slice, reach: int, width: int
) -> Tensor:
    """Return the gradients of one image that each tap sends back, zero outside.

    ``(K, h + 2 reach, w + 2 reach)`` -> ``(taps * K, rows * w)``.
    """
    parts = []
    for dy, dx, _ in taps:
        top, left = rows.start - dy + reach, reach - dx
        bottom = top + rows.stop - rows.start
        parts.append(padded[:, top:bottom, left : left + width])
    return torch.cat(parts).flatten(1)


def _image_blocks(x: Tensor, maps: int) -> Iterator[slice]:
    """Images handled at once: one on the CPU, for its caches."""
    elements = maps * x.shape[2] * x.shape[3]
    step = 1 if x.device.type == 'cpu' else max(1, CHUNK_ELEMENTS // elements)
    return (slice(i, i + step) for i in range(0, x.shape[0], step))


def _row_blocks(
    x: Tensor, taps: Sequence[Tap], classes: int, *, work: int
) -> list[slice]:
    """Cut the rows where the set of taps that read them changes.

    So no product is spent on rows that a tap leaves out. Blocks of less than ``work``
    multiply-adds are joined; large ones are cut to bound the memory of the tap maps.
    """
    channels, height, width = x.shape[1:]
    per_row = len(taps) * classes * width
    on_cpu = x.device.type == 'cpu'
    most = max(1, (BLOCK_ELEMENTS if on_cpu else CHUNK_ELEMENTS) // per_row)
    least = max(1, work // (per_row * channels)) if on_cpu else height
    edges = {tap.dy if tap.dy > 0 else height + tap.dy for tap in taps if tap.dy}
    cuts = [0]
    for edge in sorted(edges):
        if edge - cuts[-1] >= least and height - edge >= least:
            cuts.append(edge)
    return [
        slice(start + part.start, start + part.stop)
        for start, stop in pairwise([*cuts, height])
        for part in _equal_slices(stop - start, most)
    ]


def _equal_slices(length: int, most: int) -> list[slice]:
    count = -(-length // most)
    edges = [length * i // count for i in range(count + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def _product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply ``(m, k)`` by ``(k, p)``.

    In float32 on the CPU by oneDNN where PyTorch has it: 2.3 times as fast as MKL on
    an AMD processor. It has no fast form for matrices with gaps between the rows.
    """
    if a.device.type != 'cpu' or a.dtype != torch.float32 or not ONEDNN:
        return torch.mm(a, b)
    weight = b.t() if b.is_contiguous() or b.t().is_contiguous() else b.contiguous().t()
    linear = torch.ops.mkldnn._linear_pointwise
    return linear(a.contiguous(), weight, None, 'none', [], '')


def _accumulator(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _autocast(
    x: Tensor, weights: list[Tensor], biases: list[Tensor | None]
) -> tuple[Tensor, list[Tensor], list[Tensor | None]]:
    """Cast as autocast does for a convolution."""
    kind = x.device.type
    # Autocast knows no meta device, and leaves float64 alone.
    exempt = x.is_meta or x.dtype == torch.float64
    if exempt or not torch.is_autocast_enabled(kind):
        return x, weights, biases
    dtype = torch.get_autocast_dtype(kind)
    biases = [None if bias is None else bias.to(dtype) for bias in biases]
    return x.to(dtype), [weight.to(dtype) for weight in weights], biases


def _check_shapes(x: Tensor, weights: list, biases: list, dilations: list) -> None:
    counts = len(weights), len(biases), len(dilations)
    if not weights or len(set(counts)) > 1:
        raise ValueError(
            'weights, biases and dilations must have the same number of branches, at '
            f'least one; received {counts[0]}, {counts[1]} and {counts[2]}'
        )
    for rate in dilations:
        if not isinstance(rate, int) or isinstance(rate, bool):
            raise TypeError(f'dilations must be integers, received {rate!r}')
        if rate < 1:
            raise ValueError(f'dilations must be at least 1, received {rate}')
    if x.dim() != 4:
        raise ValueError(f'x must be (N, C, h, w), received {tuple(x.shape)}')
    expected = (weights[0].shape[0], x.shape[1], 3, 3)
    shapes = {tuple(weight.shape) for weight in weights}
    bias_shapes = {tuple(bias.shape) for bias in biases if bias is not None}
    if shapes != {expected} or not bias_shapes <= {expected[:1]}:
        raise ValueError(
            f'weights must be (K, C, 3, 3) = {expected} as the input has {x.shape[1]} '
            f'channels, and biases (K,); received {shapes} and {bias_shapes}'
        )


def _check_types(tensors: list[Tensor]) -> None:
    x = tensors[0]
    if not x.is_floating_point():
        raise TypeError(f'x must be of a floating type, received {x.dtype}')
    for tensor in tensors:
        if (tensor.dtype, tensor.device) != (x.dtype, x.device):
            raise TypeError(
                f'x is {x.dtype} on {x.device}, but a weight or bias is '
                f'{tensor.dtype} on {tensor.device}: move one with .to()'
            )
