"""Decode heads that do nothing with their logits but resize them.

For these alone :class:`LeanEncoderDecoder` and :class:`MultiScaleEncoderDecoder` use
the low-resolution logits. Each class is declared: those of MMSegmentation are found
here, others say so by :func:`resizes_logits`.
"""

from mmseg.models import decode_heads as stock
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import nn

METHODS = 'loss', 'loss_by_feat', 'predict', 'predict_by_feat', '_stack_batch_gt'

# All heads of MMSegmentation that leave loss and prediction to BaseDecodeHead; in
# version 1.2 each of them returns one map of logits.
RESIZING_HEADS: set[type[nn.Module]] = {
    head
    for head in map(vars(stock).get, stock.__all__)
    if issubclass(head, BaseDecodeHead)
    and all(getattr(head, name) is getattr(BaseDecodeHead, name) for name in METHODS)
}


def resizes_logits(head: type[nn.Module]) -> type[nn.Module]:
    """Declare that a head only resizes its logits; a decorator of its class.

    ``forward`` must return one map of logits ``(N, K, h, w)``. Loss and prediction must
    be what ``BaseDecodeHead`` makes of it: bilinear resizing to the labels or to the
    image, then the losses of ``loss_decode``, or nothing more.
    """
    RESIZING_HEADS.add(head)
    return head
