"""Cross entropy of some pixels more than of others: focal loss and OHEM."""

import math

import torch
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

from .binary_logits import two_classes


class _SoftmaxCrossEntropy(CrossEntropyLoss):
    """MMSegmentation's cross entropy, for one channel too and with any class weights.

    With class weights its mean is ``sum(w * loss) / sum(w)`` over the labelled pixels
    whatever ``avg_non_ignore`` is, but True makes it fail.
    """

    def __init__(
        self,
        *,
        class_weight: list[float] | str | None = None,
        loss_weight: float = 1.0,
        loss_name: str,
        avg_non_ignore: bool = True,
        use_sigmoid: bool = False,
    ) -> None:
        if use_sigmoid:
            raise InputError(
                f'{loss_name}: expected use_sigmoid=False, received True: it is a '
                'softmax loss, of one channel, too'
            )
        super().__init__(
            class_weight=class_weight,
            loss_weight=loss_weight,
            loss_name=loss_name,
            avg_non_ignore=True,  # False has a warning
        )
        self.avg_non_ignore = avg_non_ignore and class_weight is None

    def choose(
        self, own: Tensor, label: Tensor, weight: Tensor | None, ignore_index: int
    ) -> tuple[Tensor, Tensor | None]:
        """Return the labels and the weights of the pixels that count.

        ``own`` is the log-probability of each pixel's own class ``(N, H, W)``, of class
        0 for ignored pixels.
        """
        raise NotImplementedError

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = 255,
        **kwargs,
    ) -> Tensor:
        """Return the loss of logits ``(N, K, H, W)`` and classes ``(N, H, W)``."""
        logits = two_classes(cls_score)
        known = label.where(label != ignore_index, 0)[:, None]
        dtype = torch.promote_types(logits.dtype, torch.float32)
        own = logits.log_softmax(1, dtype=dtype).gather(1, known)[:, 0]
        label, weight = self.choose(own, label, weight, ignore_index)
        return super().forward(
            logits, label, weight, ignore_index=ignore_index, **kwargs
        )


@MODELS.register_module()
class SoftmaxFocalLoss(_SoftmaxCrossEntropy):
    """Cross entropy times ``(1 - p) ** gamma``: pixels that are sure count less.

    `Lin et al. <https://arxiv.org/abs/1708.02002>`_, section 3.2, with a softmax over
    the classes in the place of the paper's sigmoid for each class; its alpha is the
    class weight. ``gamma=0`` is cross entropy.

    Args:
        gamma: How much less sure pixels count; at least 0. 2 in the paper.
        class_weight: ``K`` factors, or the .json or .npy file that holds them.
        loss_weight: Factor on the loss.
        loss_name: Its name in the log, which begins with ``loss``.
        avg_non_ignore: Whether the mean is over labelled pixels, or over all. With
            class weights it is over the weights of the labelled pixels.
    """

    def __init__(
        self, *, gamma: float = 2.0, loss_name: str = 'loss_focal', **kwargs
    ) -> None:
        super().__init__(loss_name=loss_name, **kwargs)
        if not gamma >= 0:
            raise InputError(f'gamma={gamma} of SoftmaxFocalLoss: expected 0 or more')
        self.gamma = gamma

    def choose(
        self, own: Tensor, label: Tensor, weight: Tensor | None, ignore_index: int
    ) -> tuple[Tensor, Tensor | None]:
        unsure = -own.expm1()
        # The slope of a power below 1 is infinite at 0.
        factor = unsure.clamp(min=torch.finfo(unsure.dtype).tiny) ** self.gamma
        return label, factor if weight is None else factor * weight


@MODELS.register_module()
class HardPixelCrossEntropy(_SoftmaxCrossEntropy):
    """Online hard example mining (OHEM): cross entropy of the pixels not yet sure.

    A pixel counts if the probability of its own class is at most ``thresh``, or if it
    is among the ``min_share`` least sure of the labelled pixels of the batch; the mean
    is over those that count. `Shrivastava et al. <https://arxiv.org/abs/1604.03540>`_
    for detection; for segmentation `Wu et al. <https://arxiv.org/abs/1605.06885>`_.
    MMSegmentation's ``min_kept`` is a number of pixels instead, which is all of them
    where crops are small.

    Args:
        thresh: A probability. 0.7 is MMSegmentation's.
        min_share: From above 0 to 1. 0.2 is MMSegmentation's 100,000 of the pixels of
            a crop of 512x1024.
        class_weight: ``K`` factors, or the .json or .npy file that holds them.
        loss_weight: Factor on the loss.
        loss_name: Its name in the log, which begins with ``loss``.
        avg_non_ignore: Whether the mean is over the pixels that count, or over all.
            With class weights it is over the weights of those that count.
    """

    def __init__(
        self,
        *,
        thresh: float = 0.7,
        min_share: float = 0.2,
        loss_name: str = 'loss_ohem',
        **kwargs,
    ) -> None:
        super().__init__(loss_name=loss_name, **kwargs)
        if not (0 < thresh <= 1 and 0 < min_share <= 1):
            raise InputError(
                f'thresh={thresh}, min_share={min_share} of HardPixelCrossEntropy: '
                'expected both to be above 0 and at most 1'
            )
        self.thresh, self.min_share = thresh, min_share

    @torch.no_grad()
    def choose(
        self, own: Tensor, label: Tensor, weight: Tensor | None, ignore_index: int
    ) -> tuple[Tensor, Tensor | None]:
        labelled = label != ignore_index
        if count := int(labelled.sum()):
            least = own[labelled].kthvalue(math.ceil(self.min_share * count)).values
            counts = own <= least.clamp(min=math.log(self.thresh))
            label = label.where(counts, ignore_index)
        return label, weight
