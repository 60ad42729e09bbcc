"""Triton form of :func:`upsample_cross_entropy` and :func:`upsample_argmax`.

One kernel (labels, loss) or two (loss and gradient) for CUDA tensors in float16,
bfloat16 and float32, unless the environment variable ``MMSEG_DEEPLAB_TRITON`` is ``0``
or ``torch.compile`` is tracing. They were compared with the torch forms in Triton's
interpreter and compiled for the architectures named in their tests; **neither their
results nor their speed have been measured on a GPU yet**.

Before a kernel is used for a dtype, a number of classes or options that are new to a
process, a small case is compared with the torch form (the value ``unchecked`` leaves
that out). Where it differs or fails, one warning names the cause, and the torch form
takes over for the rest of the process. Errors of the device and of Triton's cache
folder are raised.
"""

import errno
import importlib
import math
import os
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

from .bilinear_rows import lower_neighbours, upper_weights

SWITCH = 'MMSEG_DEEPLAB_TRITON'
DTYPES = torch.float16, torch.bfloat16, torch.float32
# Output pixels of one program of the softmax and of the argmax, four for each of 128
# threads; their rows share the interpolated width, which eight rows pay for. Classes
# read at a time, to have loads in flight. Reasoned, not tuned.
TILE, TILE_ROWS, UNROLL = 512, 8, 4
# Output columns of one program of the gradient, one for each of 128 threads, those of
# one input column at a time, and its classes, which share what is read per pixel: four
# take 56 registers a thread on sm_90, eight 165, a third of the warps per SM.
GATHER, GATHER_REACH, GATHER_CLASSES = 128, 32, 4

Result = TypeVar('Result')
# What says that a folder cannot be written, as Triton's cache.
CACHE_ERRORS = errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT
_failed: set[str] = set()
_checked: set[tuple] = set()


class Axis(NamedTuple):
    """How outputs lie between inputs along one axis, as tables on the device.

    Output ``i`` is ``(1 - weights[i])`` times input ``lows[i]`` plus ``weights[i]``
    times input ``lows[i] + 1``. Before the first input ``lows`` is -1 with weight 1,
    after the last one weights are 0: a result takes part in the inputs that it names.
    """

    lows: Tensor  # int32
    weights: Tensor  # float32
    starts: Tensor  # int32, inputs + 2: first output whose `lows` is at least i - 1
    chunks: Tensor  # int32, (chunks, 3): `lows`, first output, output after the last
    step: int  # the most outputs of a chunk, a power of two
    window: int  # the most outputs that an input takes part in


def wanted(logits: Tensor) -> bool:
    """Tell whether the kernels are for these logits, and switched on."""
    return (
        logits.is_cuda
        and logits.dtype in DTYPES
        and logits.numel() > 0
        and os.environ.get(SWITCH, '1') != '0'
        and not torch.compiler.is_compiling()
    )


def attempt(
    function: Callable[..., Result],
    plain: Callable[..., Result],
    logits: Tensor,
    *args: object,
) -> Result:
    """Return ``function(logits, *args)``, or that of ``plain`` where it cannot be used.

    Raises:
        InputError: If Triton cannot write its cache.
        torch.AcceleratorError, torch.OutOfMemoryError: As PyTorch raises them.
    """
    name = function.__name__
    if name in _failed:
        return plain(logits, *args)
    try:
        variant = (a if isinstance(a, int) else a is None for a in args)
        kind = name, logits.dtype, logits.shape[1], *variant
        if kind not in _checked and os.environ.get(SWITCH) != 'unchecked':
            _check(function, plain, logits, *args)
            _checked.add(kind)
        return function(logits, *args)
    except (torch.AcceleratorError, torch.OutOfMemoryError):
        raise
    except OSError as error:
        if error.errno not in CACHE_ERRORS:
            return _without(name, error, plain, logits, *args)
        raise InputError(
            f'Triton cannot write its kernels to {error.filename}: {error.strerror}. '
            f'Remedy: set TRITON_CACHE_DIR to a folder with room, or {SWITCH}=0'
        ) from error
    except Exception as error:
        return _without(name, error, plain, logits, *args)


def _without(
    name: str, error: Exception, plain: Callable[..., Result], *args: object
) -> Result:
    """Note that a kernel is not to be used, warn, and take the torch form."""
    _failed.add(name)
    cause = (str(error).strip().splitlines() or [''])[0]
    warnings.warn(
        f'{name}: Triton kernel not usable ({type(error).__name__}: {cause}); the '
        f'slower torch form is used instead. Install a Triton that fits torch '
        f'{torch.__version__}, or set {SWITCH}=0 to silence this',
        RuntimeWarning,
        stacklevel=4,
    )
    return plain(*args)


def _check(
    function: Callable[..., Result],
    plain: Callable[..., Result],
    logits: Tensor,
    second: Tensor | Sequence[int],
    *args: object,
) -> None:
    """Raise ArithmeticError if a kernel and the torch form differ on a small case."""
    classes, device = logits.shape[1], logits.device
    case = torch.arange(2.0 * classes * 5 * 7, device=device)
    case = (4 * (12.9898 * case).sin()).view(2, classes, 5, 7).to(logits.dtype)
    if isinstance(second, Tensor):
        labels = torch.arange(2 * 18 * 24, device=device) * 7 % (classes + 1)
        second = labels.where(labels < classes, args[0]).view(2, 18, 24)
    else:
        second = (18, 24)
    found, expected = (run(case, second, *args) for run in (function, plain))
    if isinstance(found, Tensor):  # labels, of which rounding may change a few
        if (found != expected).float().mean() > 0.01:
            raise ArithmeticError('its labels differ from those of the torch form')
        return
    for ours, theirs in zip(found, expected, strict=True):
        if ours is not None and not torch.allclose(
            ours, theirs, rtol=1e-3, atol=1e-3 * float(theirs.abs().max())
        ):
            raise ArithmeticError('its sums or gradients differ from the torch form')


def cross_entropy_sums(
    logits: Tensor,
    target: Tensor,
    ignore_index: int,
    class_weight: Tensor | None,
    align_corners: bool,
    needs_gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the sums of :mod:`.upsample_cross_entropy` and the gradient of the first.

    Beyond the results it takes two float32 maps ``(N, H, W)`` if the gradient is
    needed, else nothing of that size. No atomics: results repeat bit by bit.
    """
    logits, target = logits.contiguous(), target.contiguous()
    rows, columns = axes(logits, target.shape[1:], align_corners)
    tile, grid = _tiles(rows, target.shape)
    sums = logits.new_empty((math.prod(grid), 4), dtype=torch.float32)
    weight = sums if class_weight is None else class_weight.contiguous()
    maps = sums.expand(2, *sums.shape)  # largest logit and factor of each pixel
    if needs_gradient:
        maps = logits.new_empty((2, *target.shape), dtype=torch.float32)
    tensors = logits, target, weight, *maps
    sizes = *logits.shape[1:], *target.shape[1:], ignore_index
    weighted, gradient = class_weight is not None, None
    with torch.cuda.device_of(logits):
        _kernels().softmax_kernel[grid](
            *tensors, sums, rows.chunks, rows.weights, columns.lows, columns.weights,
            *sizes, WEIGHTED=weighted, KEEP=needs_gradient, ROWS=tile[0],
            COLUMNS=tile[1], UNROLL=UNROLL,
        )  # fmt: skip
        if needs_gradient:
            images, classes, height, width = logits.shape
            gradient = torch.empty_like(logits, dtype=torch.float32)
            reach = min(GATHER_REACH, _power(columns.window))
            width_of_tile = min(GATHER // reach, _power(width))
            group = min(GATHER_CLASSES, _power(classes))
            grid = -(-width // width_of_tile), height, images * -(-classes // group)
            _kernels().gradient_kernel[grid](
                *tensors, gradient, rows.starts, rows.weights, columns.starts,
                columns.weights, *sizes, columns.window, WEIGHTED=weighted,
                CLASSES=group, COLUMNS=width_of_tile, REACH=reach,
            )  # fmt: skip
    return sums.sum(0, dtype=torch.float64).float(), gradient  # counts pass 2^24


def argmax_labels(logits: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Return the int64 labels ``(N, H, W)`` of :func:`.upsample_argmax`."""
    rows, columns = axes(logits, size, align_corners)
    labels = logits.new_empty((len(logits), *size), dtype=torch.long)
    tile, grid = _tiles(rows, labels.shape)
    with torch.cuda.device_of(logits):
        _kernels().argmax_kernel[grid](
            logits.contiguous(), labels, rows.chunks, rows.weights, columns.lows,
            columns.weights, *logits.shape[1:], *size, ROWS=tile[0], COLUMNS=tile[1],
            UNROLL=UNROLL,
        )  # fmt: skip
    return labels


def axes(logits: Tensor, size: Sequence[int], align_corners: bool) -> tuple[Axis, Axis]:
    """Return the tables of rows and columns."""
    rows, columns = (
        _axis(inside, int(outside), align_corners, logits.device)
        for inside, outside in zip(logits.shape[2:], size, strict=True)
    )
    return rows, columns


@lru_cache(maxsize=64)
def _axis(inside: int, outside: int, align_corners: bool, device: torch.device) -> Axis:
    """Return the tables of an axis: kept, as they take longer than the kernels."""
    lows = lower_neighbours(inside, outside, align_corners)
    weights = upper_weights(lows, inside, align_corners, torch.float32, device).tolist()
    for i in range(outside):
        if lows[i] > 0 or weights[i] != 0:
            break
        lows[i], weights[i] = -1, 1.0
    weights = [
        0.0 if i == inside - 1 else w for i, w in zip(lows, weights, strict=True)
    ]
    counts = [0] * (inside + 1)
    for low in lows:
        counts[low + 1] += 1
    starts = [0]
    for count in counts:
        starts.append(starts[-1] + count)
    step = min(TILE_ROWS, _power(max(counts)))
    chunks = [
        (low, first, min(first + step, starts[low + 2]))
        for low in range(-1, inside)
        for first in range(starts[low + 1], starts[low + 2], step)
    ]
    window = max(starts[i + 2] - starts[i] for i in range(inside))
    tables = (torch.tensor(t, dtype=torch.int32) for t in (lows, starts, chunks))
    on_device = [table.to(device) for table in tables]
    weight = torch.tensor(weights, dtype=torch.float32).to(device)
    return Axis(on_device[0], weight, on_device[1], on_device[2], step, window)


def _tiles(rows: Axis, shape: Sequence[int]) -> tuple[list[int], tuple[int, ...]]:
    """Return the rows and columns of a program's tile, and the grid of programs."""
    tile = [rows.step, min(TILE // rows.step, _power(shape[2]))]
    return tile, (-(-shape[2] // tile[1]), len(rows.chunks), shape[0])


def _power(number: int) -> int:
    """Return the power of two that is not below ``number``."""
    return 1 << (number - 1).bit_length()


def _kernels() -> ModuleType:
    """Import the kernels, and Triton, which takes a second, when first used."""
    return importlib.import_module('.triton_kernels', __package__)
