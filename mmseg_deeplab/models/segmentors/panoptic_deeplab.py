"""Panoptic-DeepLab: classes and instances in one network."""

from collections.abc import Sequence

from mmseg.registry import MODELS

from .lean_encoder_decoder import LeanEncoderDecoder


@MODELS.register_module()
class PanopticDeepLab(LeanEncoderDecoder):
    """Classes, centres of instances, and offsets to the centres.

    `Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_. ``model(x, mode='tensor')``
    returns logits ``(N, K, h, w)``, the heat of centres ``(N, 1, h, w)`` and offsets
    ``(N, 2, h, w)`` (y, x) at stride 4, in units of that stride.

    Args:
        thing_classes: Ids of the classes that come in instances.
        label_divisor: A panoptic id is class * label_divisor + number of the instance.
        **kwargs: The arguments of ``EncoderDecoder``; ``decode_head`` is a
            :class:`PanopticDeepLabHead`.
    """

    def __init__(
        self, *, thing_classes: Sequence[int], label_divisor: int = 1000, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.thing_classes = tuple(thing_classes)
        self.label_divisor = label_divisor
