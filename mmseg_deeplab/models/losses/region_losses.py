"""Losses of the areas of the classes rather than of pixels: Tversky, Dice, Lovasz."""

from abc import ABC, abstractmethod

import torch
from mmseg.models.losses.utils import get_class_weight
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.utils.errors import InputError

from .binary_logits import two_classes


class RegionLoss(nn.Module, ABC):
    """The weighted mean of a loss of each class over the classes that are labelled.

    The areas are those of the whole batch. A class without a labelled pixel in it has
    no part in the mean, and neither have pixels that are ignored. Without any labelled
    pixel the loss is 0.

    Args:
        class_weight: ``K`` factors, or the .json or .npy file that holds them.
        loss_weight: Factor on the loss.
        loss_name: Its name in the log, which begins with ``loss``; by default ``name``.
    """

    name: str

    def __init__(
        self,
        *,
        class_weight: list[float] | str | None = None,
        loss_weight: float = 1.0,
        loss_name: str | None = None,
    ) -> None:
        super().__init__()
        self.class_weight = get_class_weight(class_weight)
        self.loss_weight, self.loss_name = loss_weight, loss_name or self.name

    @abstractmethod
    def class_losses(self, probabilities: Tensor, classes: Tensor) -> Tensor:
        """Return ``(K,)`` losses for ``(P, K)`` probabilities of ``(P,)`` pixels.

        What they are for classes without a pixel does not matter, if it is finite.
        """

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
    ) -> Tensor:
        """Return the loss of logits ``(N, K, H, W)`` and classes ``(N, H, W)``.

        Of ``weight``, which MMSegmentation's samplers give, only the zeros count: these
        pixels are ignored, too.
        """
        logits = two_classes(cls_score)
        labelled = label != ignore_index
        if weight is not None:
            labelled = labelled & (weight > 0)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        pixels = logits.movedim(1, -1)[labelled].softmax(-1, dtype=dtype)
        classes = label[labelled]
        present = pixels.new_zeros(logits.shape[1]).index_fill(0, classes.unique(), 1)
        share = present * self._weights(present)
        share = share / share.sum().clamp(min=torch.finfo(dtype).tiny)
        loss = (self.class_losses(pixels, classes) * share).sum()
        return self.loss_weight * (loss + pixels[:0].sum())

    def _weights(self, like: Tensor) -> Tensor:
        if self.class_weight is None:
            return torch.ones_like(like)
        if len(self.class_weight) != len(like):
            raise InputError(
                f'class_weight of {type(self).__name__}: {len(self.class_weight)} '
                f'weights for {len(like)} classes'
            )
        return like.new_tensor(self.class_weight)


@MODELS.register_module()
class SoftTverskyLoss(RegionLoss):
    """One minus ``TP / (TP + alpha * FP + beta * FN)`` of each class.

    `Salehi et al. <https://arxiv.org/abs/1706.05721>`_, equation 2: TP is the sum of
    the probabilities of a class over its own pixels, FP that over other pixels, FN what
    its own pixels lack to 1. The paper has two classes, no mean over classes.

    Args:
        alpha: Weight of false positives, 0 or more. 0.3 is the paper's best.
        beta: Weight of false negatives, above 0. With more of it, more pixels are
            found, and more wrong ones.
        **kwargs: Those of :class:`RegionLoss`.
    """

    name = 'loss_tversky'

    def __init__(self, *, alpha: float = 0.3, beta: float = 0.7, **kwargs) -> None:
        super().__init__(**kwargs)
        if not (alpha >= 0 and beta > 0):
            raise InputError(
                f'alpha={alpha}, beta={beta} of {type(self).__name__}: expected alpha '
                'of 0 or more, and beta above 0'
            )
        self.alpha, self.beta = alpha, beta

    def class_losses(self, probabilities: Tensor, classes: Tensor) -> Tensor:
        # In float64: a sum in float32 stands still after 2^24 pixels.
        sums = probabilities.new_zeros(probabilities.shape[1], dtype=torch.float64)
        own = probabilities.gather(1, classes[:, None])[:, 0].double()
        right = sums.index_add(0, classes, own)
        labelled = sums.index_add(0, classes, torch.ones_like(own))
        wrong = probabilities.sum(0, dtype=torch.float64) - right
        total = right + self.alpha * wrong + self.beta * (labelled - right)
        index = right / total.where(labelled > 0, 1)
        return (1 - index).to(probabilities.dtype)


@MODELS.register_module()
class SoftDiceLoss(SoftTverskyLoss):
    """One minus the Dice coefficient ``2 TP / (2 TP + FP + FN)`` of each class.

    `Sudre et al. <https://arxiv.org/abs/1707.03237>`_, without their weights; it is
    :class:`SoftTverskyLoss` with ``alpha = beta = 1 / 2``. V-Net's form, and that of
    MMSegmentation, has squares in the denominator. The arguments are those of
    :class:`RegionLoss`.
    """

    name = 'loss_dice'

    def __init__(self, **kwargs) -> None:
        super().__init__(alpha=0.5, beta=0.5, **kwargs)


@MODELS.register_module()
class LovaszSoftmaxLoss(RegionLoss):
    """The Lovasz extension of one minus the IoU of each class.

    `Berman et al. <https://arxiv.org/abs/1705.08790>`_, sections 2.2 and 3: with the
    errors ``|y - p|`` of the pixels from the largest to the smallest, each is
    multiplied by what the IoU loses when that pixel becomes wrong after all before it.
    The arguments are those of :class:`RegionLoss`.
    """

    name = 'loss_lovasz'

    def class_losses(self, probabilities: Tensor, classes: Tensor) -> Tensor:
        losses = list(probabilities.new_zeros(probabilities.shape[1]))
        for own in classes.unique().tolist():
            inside = classes == own
            errors = (inside.to(probabilities.dtype) - probabilities[:, own]).abs()
            slope = iou_slope(errors.detach(), inside)
            losses[own] = (errors * slope).sum()
        return torch.stack(losses)


def iou_slope(errors: Tensor, inside: Tensor) -> Tensor:
    """Return by how much each pixel lowers the IoU, ``(P,)``, at least one ``inside``.

    Where all pixels of larger errors are wrong already, ``I`` and ``U`` are the sizes
    of intersection and union with this one wrong, too: ``1 / U`` for a pixel of the
    class, ``I / (U (U - 1))`` for another. These are the differences of ``1 - I / U``,
    without the digits that a subtraction loses.
    """
    order = errors.argsort(descending=True)
    inside = inside[order]
    missed = inside.cumsum(0)
    added = (~inside).cumsum(0)
    total = missed[-1]
    union = (total + added).to(errors.dtype)
    left = (total - missed).to(errors.dtype)
    slope = torch.where(inside, 1 / union, left / (union * (union - 1)))
    return torch.empty_like(errors).scatter_(0, order, slope)
