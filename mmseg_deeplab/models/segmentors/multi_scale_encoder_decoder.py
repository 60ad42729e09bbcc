"""DeepLab v2's multi-scale inputs with max fusion, around any backbone and head."""

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

from ..decode_heads.resizing_heads import RESIZING_HEADS
from .image_pyramid import RULES, resize_images, resize_logits, subsample_labels
from .lean_encoder_decoder import LeanEncoderDecoder
from .lean_loss import loss_by_logits


@MODELS.register_module()
class MultiScaleEncoderDecoder(LeanEncoderDecoder):
    """One network at several scales of the image; each logit is the largest of them.

    MSC of `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, sections 3.1 and 4.1.2: the
    same weights at every scale, and the maximum of the logits on the grid of scale 1.
    ``mode='tensor'`` returns these logits. The state dict is that of
    ``EncoderDecoder``.

    Training adds equal losses as the Caffe release does (``train.prototxt`` for
    ResNet-101): one on the fused logits and one per scale, each by the head's own
    ``loss_decode`` and sampler, with its weight. With ``label_subsampling`` the labels
    are taken at the points of the logits. A scale of 1/2, 1/3, ... is compared on its
    own grid (the release: 0.5, every 16th label), any other on the grid of scale 1
    (0.75). Without it, each map of logits is upsampled to the labels, as is usual in
    MMSegmentation. The release has no auxiliary head; one gets the features of scale 1
    alone, with its usual loss.

    The scales run one after the other. A prediction needs the memory of the largest
    alone; a training keeps the activations of all (1.81 times those of scale 1 for the
    default). BatchNorm is shared: in training, each scale normalises by its own batch
    statistics, and each moves the running ones, scale 1 first. The papers freeze it.

    Args:
        scales: Positive numbers, 1 among them.
        resize: How images, logits and labels change size: ``'align_corners'`` (Caffe,
            isht7) or ``'scale_factor'`` (kazuto1011), see
            :mod:`~mmseg_deeplab.models.segmentors.image_pyramid`. None takes what the
            head's ``align_corners`` says, which for weights of either family is their
            own.
        label_subsampling: Compare on the coarse grids (Caffe) instead of on upsampled
            logits.
        **kwargs: The arguments of :class:`LeanEncoderDecoder`.
    """

    def __init__(
        self,
        *,
        scales: Sequence[float] = (0.5, 0.75, 1.0),
        resize: str | None = None,
        label_subsampling: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if type(self.decode_head) not in RESIZING_HEADS:
            raise TypeError(
                'MultiScaleEncoderDecoder fuses logits of heads that only resize them, '
                'such as ClassifierModule, FCNHead, PSPHead and ASPPHead; '
                f'{type(self.decode_head).__name__} is not known as one. If your own '
                'head does nothing else, put mmseg_deeplab.models.resizes_logits '
                'before its class'
            )
        self.scales = _check_scales(scales)
        if resize is None:
            resize = 'align_corners' if self.align_corners else 'scale_factor'
        require_one_of('resize', resize, RULES)
        self.resize = resize
        self.label_subsampling = label_subsampling

    def encode_decode(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the fused logits at the size of the input, ``(N, K, H, W)``."""
        return self.decode_head.predict_by_feat(self._forward(inputs), batch_img_metas)

    def _forward(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> Tensor:
        """Return the fused logits on the grid of scale 1, ``(N, K, h, w)``."""
        fused = self._logits_at(inputs, 1)
        for scale in self._other_scales():
            fused = self._fuse(fused, self._logits_at(inputs, scale))
        return fused

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict:
        """Return the losses of the fused logits and of each scale.

        ``decode.*`` are those of the fused logits, ``decode_x<scale>.*`` those of each
        scale if there are several, ``aux.*`` those of auxiliary heads.
        """
        features = self.extract_feat(inputs)
        logits = {1: self.decode_head(features)}
        auxiliary = {}
        if self.with_auxiliary_head:
            auxiliary = self._auxiliary_head_forward_train(features, data_samples)
        del features
        for scale in self._other_scales():
            logits[scale] = self._logits_at(inputs, scale)
        return self._decode_losses(logits, data_samples) | auxiliary

    def _decode_losses(
        self, logits: dict[float, Tensor], data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        fused = logits[1]
        for scale in self._other_scales():
            fused = self._fuse(fused, logits[scale])
        losses = add_prefix(self._head_loss(fused, data_samples), 'decode')
        if len(logits) == 1:
            return losses
        for scale, single in logits.items():
            if self.label_subsampling and not (1 / scale).is_integer():
                single = resize_logits(single, logits[1].shape[-2:], self.resize)
            part = self._head_loss(single, data_samples)
            losses |= add_prefix(part, f'decode_x{scale:g}')
        return losses

    def _head_loss(
        self, logits: Tensor, data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        if self.label_subsampling:
            full, data_samples = data_samples, []
            for sample in full:
                labels = sample.gt_sem_seg.data
                labels = subsample_labels(labels, logits.shape[-2:], self.resize)
                data_samples.append(SegDataSample(metainfo=sample.metainfo))
                data_samples[-1].gt_sem_seg = PixelData(data=labels)
        return loss_by_logits(self.decode_head, logits, data_samples)

    def _other_scales(self) -> list[float]:
        return [scale for scale in self.scales if scale != 1]

    def _logits_at(self, inputs: Tensor, scale: float) -> Tensor:
        images = resize_images(inputs, scale, self.resize)
        return self.decode_head(self.extract_feat(images))

    def _fuse(self, fused: Tensor, logits: Tensor) -> Tensor:
        logits = resize_logits(logits, fused.shape[-2:], self.resize)
        return torch.maximum(fused, logits)


def _check_scales(scales: Sequence[float]) -> tuple[float, ...]:
    scales = tuple(scales)
    if min(scales, default=0) <= 0 or 1 not in scales or len(set(scales)) < len(scales):
        raise InputError(
            'scales must be positive, different from one another and hold 1.0, whose '
            f'grid the logits are fused on; received {scales}'
        )
    return scales
