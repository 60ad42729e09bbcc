"""The loss of a head without full-size logits, where that is exact."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType
from torch import Tensor, nn

from mmseg_deeplab.ops import upsample_cross_entropy

from ..decode_heads.resizing_heads import RESIZING_HEADS


def head_loss(
    head: nn.Module,
    features: Sequence[Tensor],
    data_samples: list[SegDataSample],
    train_cfg: ConfigType | None,
) -> dict[str, Tensor]:
    """Return what ``head.loss`` would."""
    if not has_plain_loss(head):
        return head.loss(features, data_samples, train_cfg)
    return loss_by_logits(head, head.forward(features), data_samples)


def loss_by_logits(
    head: nn.Module, logits: Tensor, data_samples: list[SegDataSample]
) -> dict[str, Tensor]:
    """Return what ``head.loss_by_feat`` would, ``acc_seg`` included."""
    if not has_plain_loss(head):
        return head.loss_by_feat(logits, data_samples)
    target = torch.cat([sample.gt_sem_seg.data for sample in data_samples])
    losses: dict[str, Tensor] = {}
    full = None
    for criterion in _criteria(head):
        if _is_plain(criterion):
            loss, accuracy = upsample_cross_entropy(
                logits,
                target,
                ignore_index=head.ignore_index,
                class_weight=criterion.class_weight,
                avg_non_ignore=criterion.avg_non_ignore,
                align_corners=head.align_corners,
                return_accuracy=True,
            )
            loss = criterion.loss_weight * loss
        else:
            if full is None:
                full = F.interpolate(
                    logits,
                    target.shape[1:],
                    mode='bilinear',
                    align_corners=head.align_corners,
                )
            loss = criterion(full, target, weight=None, ignore_index=head.ignore_index)
        name = criterion.loss_name
        losses[name] = losses[name] + loss if name in losses else loss
    losses['acc_seg'] = accuracy.view(1)  # the shape that BaseDecodeHead gives it
    return losses


def has_plain_loss(head: nn.Module) -> bool:
    """Tell whether a head has a softmax cross entropy of its resized logits.

    That is: a head that only resizes its logits, without a sampler (OHEM), with more
    than one channel, and with a plain ``CrossEntropyLoss`` among its losses. The others
    get logits of full size.
    """
    return (
        type(head) in RESIZING_HEADS
        and head.sampler is None
        and head.out_channels > 1
        and head.ignore_index is not None
        and any(map(_is_plain, _criteria(head)))
    )


def _criteria(head: nn.Module) -> Sequence[nn.Module]:
    losses = head.loss_decode
    return losses if isinstance(losses, nn.ModuleList) else (losses,)


def _is_plain(criterion: nn.Module) -> bool:
    return (
        type(criterion) is CrossEntropyLoss
        and not (criterion.use_sigmoid or criterion.use_mask)
        and criterion.reduction == 'mean'
    )
