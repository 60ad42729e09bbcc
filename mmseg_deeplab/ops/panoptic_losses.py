"""The three losses of Panoptic-DeepLab (https://arxiv.org/abs/1911.10194, 3.2)."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .bilinear_rows import BilinearRows, check_logits
from .upsample_cross_entropy import check_range, check_target


def topk_cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    top_k_percent: float = 0.2,
    ignore_index: int = 255,
    per_image: bool = False,
    align_corners: bool = True,
) -> Tensor:
    """Mean cross entropy of the hardest pixels, from low-resolution logits.

    Exactly "bilinear upsampling, cross entropy times weight, mean of the largest", but
    only the losses have the full size, not the logits: these exist for a block of rows
    at a time, once to find the hardest pixels, and once for the gradient.

    Args:
        logits: ``(N, K, h, w)``, any floating dtype; computed in float32.
        target: ``(N, H, W)`` classes or ``ignore_index``, any integer dtype.
        weight: Factor on the loss of each pixel, ``(N, H, W)`` or ``(N, 1, H, W)``.
        top_k_percent: Share of all pixels, ignored ones too, that are the hardest;
            from 0 to 1. 0.2 in the paper; detectron2 takes 1 on COCO.
        ignore_index: The loss of pixels of this value is 0.
        per_image: Take the hardest pixels of each image, and divide by the number of
            losses that are not 0, as deeplab2 does. By default they are those of the
            batch, and their number is the divisor, as in detectron2 and
            bowenc0221/panoptic-deeplab.
        align_corners: See :func:`torch.nn.functional.interpolate`.

    Returns:
        The loss, a scalar in float32 (float64 for float64 logits).

    Raises:
        ValueError: If shapes, targets or ``top_k_percent`` do not fit.
        TypeError: If logits are not floating point or targets not integers.
    """
    check_logits(logits)
    check_target(logits, target)
    target = target.long()
    check_range(target, logits.shape[1], ignore_index)
    if not 0 < top_k_percent <= 1:
        raise ValueError(f'top_k_percent={top_k_percent}: expected a share in (0, 1]')
    weight = target != ignore_index if weight is None else weight
    if weight.numel() != target.numel():
        raise ValueError(
            f'weight {tuple(weight.shape)} and target {tuple(target.shape)} must have '
            'the same pixels'
        )
    weight = weight.reshape(target.shape)
    settings = top_k_percent, ignore_index, per_image, align_corners
    needs_gradient = torch.is_grad_enabled() and logits.requires_grad
    return _TopKCrossEntropy.apply(logits, target, weight, *settings, needs_gradient)


class _TopKCrossEntropy(torch.autograd.Function):
    """The loss and, in a second pass over the logits, its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        logits: Tensor,
        target: Tensor,
        weight: Tensor,
        top_k_percent: float,
        ignore_index: int,
        per_image: bool,
        align_corners: bool,
        needs_gradient: bool,
    ) -> Tensor:
        resize = BilinearRows(logits, target.shape[1:], align_corners)
        labelled = target != ignore_index
        target = target.where(labelled, 0)
        weight = weight.to(resize.dtype) * labelled
        losses = _pixel_losses(resize, logits, target) * weight
        share = _share(losses.flatten(1 if per_image else 0), top_k_percent, per_image)
        share = share.view_as(losses)
        if needs_gradient:
            gradient = _gradient(resize, logits, target, share * weight)
            ctx.save_for_backward(gradient)
            ctx.dtype = logits.dtype
        return (losses * share).sum()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, loss_gradient: Tensor) -> tuple[Any, ...]:
        (gradient,) = ctx.saved_tensors
        return ((gradient * loss_gradient).to(ctx.dtype), *[None] * 7)


def _share(losses: Tensor, top_k_percent: float, per_image: bool) -> Tensor:
    """Return the factor of each loss in the result: 0, or 1 over a number of losses."""
    count = max(1, int(top_k_percent * losses.shape[-1]))
    top = losses.topk(count, sorted=False)
    part = torch.full_like(top.values, 1 / count)
    if per_image:
        divisor = top.values.count_nonzero(1).clamp(min=1) * len(losses)
        part = part.fill_(1) / divisor[:, None]
    return torch.zeros_like(losses).scatter_(-1, top.indices, part)


def _pixel_losses(resize: BilinearRows, logits: Tensor, target: Tensor) -> Tensor:
    """Return the cross entropy of each pixel ``(N, H, W)``."""
    losses = torch.empty_like(target, dtype=resize.dtype)
    for images in resize.chunks():
        for band in resize.bands(len(logits[images])):
            wide = resize.widen(logits[images], band)
            for block in band.blocks:
                full = resize.expand(wide, band, block)
                labels = target[images, block.rows]
                loss = F.cross_entropy(full, labels, reduction='none')
                losses[images, block.rows] = loss
    return losses


def _gradient(
    resize: BilinearRows, logits: Tensor, target: Tensor, factor: Tensor
) -> Tensor:
    """Return the gradient of the sum of factor times cross entropy."""
    contiguous = dict(dtype=resize.dtype, memory_format=torch.contiguous_format)
    gradient = torch.zeros_like(logits, **contiguous)
    for images in resize.chunks():
        for band in resize.bands(len(logits[images])):
            wide = resize.widen(logits[images], band)
            wide_gradient = torch.zeros_like(wide)
            for block in band.blocks:
                labels = target[images, None, block.rows]
                part = factor[images, None, block.rows]
                full = resize.expand(wide, band, block).softmax(1).mul_(part)
                full.scatter_add_(1, labels, -part)
                resize.reduce(full, band, block, wide_gradient)
            resize.narrow(wide_gradient, band, gradient[images])
    return gradient


def weighted_mse(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Sum of weighted squares over the sum of weights: the loss of the centres' heat.

    All are ``(N, 1, H, W)``. The loss is 0 where no pixel has a weight, so that a batch
    without things has a gradient of zero.
    """
    return _weighted(F.mse_loss, prediction, target, weight)


def weighted_l1(
    prediction: Tensor, target: Tensor, weight: Tensor, *, over_channels: bool = False
) -> Tensor:
    """Sum of weighted differences over the sum of weights: the loss of the offsets.

    Prediction and target are ``(N, 2, H, W)``, the weight is ``(N, 1, H, W)``. The sum
    of weights counts each pixel once, as in detectron2; with ``over_channels`` once in
    each channel, as in bowenc0221/panoptic-deeplab and deeplab2, which gives half of
    it. The loss is 0 where no pixel has a weight.
    """
    loss = _weighted(F.l1_loss, prediction, target, weight)
    return loss / prediction.shape[1] if over_channels else loss


def _weighted(
    loss: Callable[..., Tensor], prediction: Tensor, target: Tensor, weight: Tensor
) -> Tensor:
    # A wrong shape would be broadcast to a number that looks like a loss.
    if prediction.shape != target.shape or weight.shape != target[:, :1].shape:
        raise ValueError(
            f'prediction {tuple(prediction.shape)}, target {tuple(target.shape)} and '
            f'weight {tuple(weight.shape)}: expected (N, C, H, W) twice, and '
            '(N, 1, H, W)'
        )
    total = (loss(prediction, target, reduction='none') * weight).sum()
    return total / weight.sum().clamp(min=1e-6)
