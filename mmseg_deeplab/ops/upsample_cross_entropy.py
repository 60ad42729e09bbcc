"""Cross entropy at full size straight from low-resolution logits."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from . import triton_upsample
from .bilinear_rows import BilinearRows, check_logits

# Positions of the four sums over the pixels.
LOSS, WEIGHT, CORRECT, LABELLED = range(4)


def upsample_cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    ignore_index: int = 255,
    class_weight: Sequence[float] | Tensor | None = None,
    avg_non_ignore: bool = True,
    align_corners: bool = True,
    return_accuracy: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Exact "bilinear upsampling, then cross entropy" without a full-size tensor.

    The loss of the DeepLab papers from v3 on (v3 paper, section 4.1, "upsampling
    logits"). Full-size logits exist for one block of rows at a time, and their gradient
    is folded back to low resolution in the same pass. On CUDA two Triton kernels do
    this: see :mod:`.triton_upsample`, and how to switch them off.

    The mean is that of MMSeg's ``CrossEntropyLoss``: over the labelled pixels, over all
    pixels without ``avg_non_ignore``, and over the weights of the labelled pixels with
    ``class_weight`` (where MMSeg refuses ``avg_non_ignore``). Without any labelled
    pixel the loss and its gradient are zero.

    Args:
        logits: ``(N, K, h, w)``; float16 and bfloat16 are computed in float32.
        target: ``(N, H, W)`` classes ``0 ... K-1`` or ``ignore_index``, integers.
        ignore_index: Pixels of this value count only in the number of all pixels.
        class_weight: ``K`` factors on the loss of the pixels of each class.
        avg_non_ignore: Whether to divide by labelled pixels only.
        align_corners: True as in the papers' networks, whose sizes are 8k + 1.
        return_accuracy: Whether to count right pixels in the same pass.

    Returns:
        The loss, a scalar in float32 (float64 for float64 logits); with
        ``return_accuracy`` also the percentage of labelled pixels whose own class has
        the largest logit, as MMSeg's ``accuracy`` (100 if no pixel is labelled).

    Raises:
        ValueError: If shapes or devices do not fit, or a target is neither a class nor
            ``ignore_index``. On a GPU such a target makes the loss NaN instead: an
            error would have to wait for the device at each step.
        TypeError: If logits are not floating point or targets not integers.
        RuntimeError: In ``backward`` with ``create_graph=True``.
    """
    check_logits(logits)
    check_target(logits, target)
    target, is_wrong = _without_wrong(target.long(), logits.shape[1], ignore_index)
    loss, sums = _UpsampleCrossEntropy.apply(
        logits,
        target,
        ignore_index,
        _class_weight(class_weight, logits),
        avg_non_ignore,
        align_corners,
        torch.is_grad_enabled() and logits.requires_grad,
    )
    if is_wrong is not None:
        loss = loss.masked_fill(is_wrong.any(), float('nan'))
    if not return_accuracy:
        return loss
    eps = torch.finfo(torch.float32).eps  # as MMSeg guards its division
    return loss, (sums[CORRECT] + eps) * (100 / (sums[LABELLED] + eps))


def _without_wrong(
    target: Tensor, num_classes: int, ignore_index: int
) -> tuple[Tensor, Tensor | None]:
    """Return labels that are all classes, and on a GPU which of them were not."""
    if target.device.type == 'cpu':
        check_range(target, num_classes, ignore_index)
        return target, None
    is_wrong = (target < 0) | (target >= num_classes)
    is_wrong &= target != ignore_index
    return target.masked_fill(is_wrong, ignore_index), is_wrong


class _UpsampleCrossEntropy(torch.autograd.Function):
    """The loss and, in the same pass, its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        ignore_index: int,
        class_weight: Tensor | None,
        avg_non_ignore: bool,
        align_corners: bool,
        needs_gradient: bool,
    ) -> tuple[Tensor, Tensor]:
        task = logits, target, ignore_index, class_weight, align_corners, needs_gradient
        if triton_upsample.wanted(logits):
            fused = triton_upsample.cross_entropy_sums
            sums, gradient = triton_upsample.attempt(fused, _sums_by_rows, *task)
        else:
            sums, gradient = _sums_by_rows(*task)
        total = sums[WEIGHT]
        if class_weight is None and not avg_non_ignore:
            total = torch.full_like(total, max(1, target.numel()))
        total = total.where(total > 0, 1)
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(total))
            ctx.dtype = logits.dtype
        ctx.mark_non_differentiable(sums)
        return sums[LOSS] / total, sums

    @staticmethod
    def backward(ctx: Any, loss_gradient: Tensor, _: Tensor) -> tuple[Any, ...]:
        if torch.is_grad_enabled():
            # `once_differentiable` would silently treat the gradient as a constant.
            raise RuntimeError(
                'upsample_cross_entropy has no second derivative (create_graph=True): '
                'use F.interpolate and F.cross_entropy instead'
            )
        # Scaled before the cast: a loss scale keeps float16 from underflow.
        (gradient,) = ctx.saved_tensors
        return ((gradient * loss_gradient).to(ctx.dtype), *[None] * 6)


def _sums_by_rows(
    logits: Tensor,
    target: Tensor,
    ignore_index: int,
    class_weight: Tensor | None,
    align_corners: bool,
    needs_gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the four sums and the gradient of the first, if needed, by torch alone."""
    resize = BilinearRows(logits, target.shape[1:], align_corners)
    contiguous = dict(dtype=resize.dtype, memory_format=torch.contiguous_format)
    gradient = torch.zeros_like(logits, **contiguous) if needs_gradient else None
    sums = [torch.zeros(4, dtype=resize.dtype, device=logits.device)]
    for images in resize.chunks():
        part, labels = logits[images], target[images]
        for band in resize.bands(len(part)):
            wide = resize.widen(part, band)
            wide_gradient = torch.zeros_like(wide) if needs_gradient else None
            for block in band.blocks:
                full = resize.expand(wide, band, block)
                task = labels[:, block.rows], ignore_index, class_weight
                sums.append(_block_sums(full, *task, needs_gradient))
                if needs_gradient:
                    resize.reduce(full, band, block, wide_gradient)
            if needs_gradient:
                resize.narrow(wide_gradient, band, gradient[images])
    return torch.stack(sums).sum(0), gradient


def _block_sums(
    logits: Tensor,
    target: Tensor,
    ignore_index: int,
    class_weight: Tensor | None,
    needs_gradient: bool,
) -> Tensor:
    """Return the sums of a block; turn its logits into their gradient in place."""
    labelled = (target != ignore_index)[:, None]
    index = target[:, None].where(labelled, 0)
    weight = labelled.to(logits.dtype)
    if class_weight is not None:
        weight = class_weight[index] * weight
    largest = logits.amax(1, keepdim=True)
    own = logits.gather(1, index) - largest
    probabilities = logits.sub_(largest).exp_()  # up to their sum
    total = probabilities.sum(1, keepdim=True)
    loss = (total.log() - own) * weight
    if needs_gradient:
        probabilities.mul_(weight / total).scatter_add_(1, index, -weight)
    correct = labelled & (own >= 0)
    parts = (loss, weight, correct.to(loss), labelled.to(loss))
    return torch.stack([part.sum() for part in parts])


def _class_weight(
    class_weight: Sequence[float] | Tensor | None, logits: Tensor
) -> Tensor | None:
    if class_weight is None:
        return None
    dtype = torch.promote_types(logits.dtype, torch.float32)
    if isinstance(class_weight, Tensor):
        weight = class_weight.to(logits.device, dtype)
    else:
        weight = _weight_on(tuple(class_weight), dtype, logits.device)
    if weight.shape != logits.shape[1:2]:
        raise ValueError(
            f'class_weight has shape {tuple(weight.shape)}, but logits hold '
            f'{logits.shape[1]} classes: give one weight per class'
        )
    return weight.detach()


@lru_cache(maxsize=16)
def _weight_on(
    weight: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a tensor that is kept: bringing it to a GPU each time would wait."""
    return torch.tensor(weight, dtype=dtype, device=device)


def check_target(logits: Tensor, target: Tensor) -> None:
    if target.dim() != 3 or len(target) != len(logits) or 0 in target.shape[1:]:
        raise ValueError(
            f'target must be (N, H, W) with N = {len(logits)} as in logits '
            f'{tuple(logits.shape)}, got {tuple(target.shape)}: squeeze a channel axis'
        )
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f'target must hold integer classes, got {target.dtype}')
    if target.device != logits.device:
        raise ValueError(
            f'target is on {target.device}, logits on {logits.device}: move one of them'
        )


def check_range(target: Tensor, num_classes: int, ignore_index: int) -> None:
    """Raise on targets without a class."""
    ranges = [
        torch.stack(image.where(image != ignore_index, 0).aminmax()) for image in target
    ]
    if not ranges:
        return
    lows, highs = torch.stack(ranges).t().tolist()
    low, high = min(lows), max(highs)
    if low < 0 or high >= num_classes:
        raise ValueError(
            f'target holds classes {low}..{high}, outside '
            f'0..{num_classes - 1} and not ignore_index={ignore_index}: check '
            'num_classes, reduce_zero_label, ignore_index and the label files'
        )
