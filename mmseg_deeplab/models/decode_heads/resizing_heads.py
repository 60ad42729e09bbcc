"""Decode heads that do nothing with their logits but resize them.

For these, and for no others, :class:`LeanEncoderDecoder` takes losses and labels
straight from the low-resolution logits, and :class:`MultiScaleEncoderDecoder` fuses
them over scales. A head has to be declared, because a subclass may do something else:
those of MMSegmentation are listed here, others say so by :func:`resizes_logits`.
"""

from mmseg.models import decode_heads as stock
from torch import nn

# All heads of MMSegmentation 1.2 that return one map of logits and leave loss and
# prediction to BaseDecodeHead.
RESIZING_HEADS: set[type[nn.Module]] = {
    stock.ANNHead,
    stock.APCHead,
    stock.ASPPHead,
    stock.CCHead,
    stock.DMHead,
    stock.DNLHead,
    stock.DPTHead,
    stock.DepthwiseSeparableASPPHead,
    stock.DepthwiseSeparableFCNHead,
    stock.EMAHead,
    stock.FCNHead,
    stock.FPNHead,
    stock.GCHead,
    stock.ISAHead,
    stock.LRASPPHead,
    stock.LightHamHead,
    stock.NLHead,
    stock.PSAHead,
    stock.PSPHead,
    stock.SETRMLAHead,
    stock.SETRUPHead,
    stock.SegformerHead,
    stock.SegmenterMaskTransformerHead,
    stock.UPerHead,
}


def resizes_logits(head: type[nn.Module]) -> type[nn.Module]:
    """Declare that a head only resizes its logits; a decorator of its class.

    ``forward`` must return one map of logits ``(N, K, h, w)``. Loss and prediction must
    be what ``BaseDecodeHead`` makes of it: bilinear resizing to the labels or to the
    image, then the losses of ``loss_decode``, or nothing more.
    """
    RESIZING_HEADS.add(head)
    return head
