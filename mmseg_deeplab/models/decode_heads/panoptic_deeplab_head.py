"""The head of Panoptic-DeepLab: two pyramids, two decoders, three outputs."""

from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.ops import topk_cross_entropy, weighted_l1, weighted_mse
from mmseg_deeplab.utils.errors import InputError

from .deeplabv3_head import DeepLabV3Head

# Standard deviation of the last layers' weights (detectron2, projects/Panoptic-DeepLab,
# panoptic_deeplab/panoptic_seg.py).
CLASSIFIER_STD = 0.001
# The base class wants one; this default of it would warn.
UNREAD_LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)


class PanopticBranch(DeepLabV3Head):
    """A pyramid and a decoder of one stage for each low level, the coarsest first.

    Each stage resizes what came before to a low level, which a 1x1 convolution has
    brought to a few channels, and refines both.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        low_level_index: Sequence[int],
        low_level_in_channels: Sequence[int],
        low_level_channels: Sequence[int],
        decoder_channels: int,
        separable: bool,
        separable_aspp: bool,
        aspp_dropout: float,
        **kwargs,
    ) -> None:
        levels = (low_level_index, low_level_in_channels, low_level_channels)
        if len({len(level) for level in levels}) != 1 or not low_level_index:
            raise InputError(
                'low_level_index, low_level_in_channels and low_level_channels need '
                'one entry for each stage of the decoder, received '
                f'{", ".join(str(tuple(level)) for level in levels)}'
            )
        given = [name for name in ('loss_decode', 'sampler') if kwargs.get(name)]
        if given:
            raise InputError(
                f'PanopticDeepLabHead has losses of its own and reads no '
                f'{" and no ".join(given)}. Remedy: leave it out, and set '
                'loss_weights or top_k_percent'
            )
        super().__init__(
            in_channels,
            separable=separable_aspp,
            dropout_ratio=0,
            **kwargs | dict(loss_decode=UNREAD_LOSS),
        )
        del self.conv_seg  # its input is another in each branch
        self.low_level_index = tuple(low_level_index)
        self.aspp_dropout = nn.Dropout(aspp_dropout)
        self.low_level_projects = nn.ModuleList(
            ConvModule(inputs, channels, 1, **self._layers)
            for inputs, channels in zip(*levels[1:], strict=True)
        )
        widths = [self.channels] + [decoder_channels] * (len(low_level_index) - 1)
        self.fusions = nn.ModuleList(
            self._convs(width + low, decoder_channels, decoder_channels, separable)
            for width, low in zip(widths, low_level_channels, strict=True)
        )

    def _convs(
        self, in_channels: int, between: int, channels: int, separable: bool
    ) -> nn.Sequential:
        """Build one separable 5x5 convolution, or two plain 3x3 ones."""
        if separable:
            return nn.Sequential(
                self._conv(in_channels, channels, kernel_size=5, separable=True)
            )
        return nn.Sequential(
            self._conv(in_channels, between), self._conv(between, channels)
        )

    def decode(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the features of the last stage, in the size of its low level."""
        x = self.aspp_dropout(self._pyramid(self._transform_inputs(inputs)))
        stages = zip(
            self.low_level_index, self.low_level_projects, self.fusions, strict=True
        )
        for index, project, convs in stages:
            x = self._add_low_level(x, project(inputs[index]), convs)
        return x


class InstanceBranch(PanopticBranch):
    """The branch that gives each instance's centre and each pixel's way to it."""

    def __init__(
        self,
        in_channels: int,
        *,
        decoder_channels: int,
        head_channels: int,
        separable: bool,
        separable_center: bool,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            decoder_channels=decoder_channels,
            separable=separable,
            init_cfg=None,
            **kwargs,
        )
        width = decoder_channels
        self.center_convs = self._convs(width, width, head_channels, separable_center)
        self.offset_convs = self._convs(width, width, head_channels, separable)
        self.center = _classifier(head_channels, 1)
        self.offset = _classifier(head_channels, 2)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the heat of centres ``(N, 1, h, w)`` and offsets ``(N, 2, h, w)``."""
        x = self.decode(inputs)
        return self.center(self.center_convs(x)), self.offset(self.offset_convs(x))


@MODELS.register_module()
class PanopticDeepLabHead(PanopticBranch):
    """Logits of the classes, heat of the instances' centres, offsets to the centres.

    `Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_, section 3.1 and figure 2:
    a semantic and an instance branch, each with a pyramid of DeepLab v3 and a decoder
    that adds low levels of stride 8 and 4. The defaults are the paper's for output
    stride 16. Two public implementations differ in the rest. For that of
    bowenc0221/panoptic-deeplab set ``align_corners=True`` and
    ``image_pooling=dict(norm_cfg=None, bias=False)``; its networks of output stride 32
    have a third low level. For that of detectron2 set
    ``image_pooling=dict(norm_cfg=None)``, and either ``separable=False``, or
    ``separable_aspp=True`` and ``separable_center=False``. The image is pooled as a
    whole, so any size works (detectron2 pools windows and refuses other sizes).

    Args:
        in_channels: Channels of the map that ``in_index`` selects.
        num_classes: ``K``, channels of the logits, things and stuff.
        channels: Channels of both pyramids.
        dilations: Rates of the pyramids' branches; 1 is the 1x1 convolution.
        low_level_index: Indices of the low levels among the inputs, coarsest first.
        low_level_in_channels: Their channels.
        low_level_channels: Their channels in the semantic decoder.
        instance_low_level_channels: Their channels in the instance decoder.
        decoder_channels: Channels of the semantic decoder and its last convolution.
        instance_decoder_channels: Channels of the instance decoder.
        instance_head_channels: Channels before the centres and before the offsets.
        separable: Separable 5x5 convolutions in decoders and heads; else two plain
            3x3 for each of them.
        separable_aspp: Separable 3x3 convolutions in the pyramids.
        separable_center: The same as ``separable`` for the centres' convolutions
            alone; None takes ``separable``.
        aspp_dropout: Dropout after the pyramids.
        stride: Pixels of the image for one of the outputs, which is the unit of the
            offsets: the stride of the last low level.
        loss_weights: Factors of the losses of semantics, centres and offsets; those of
            all published recipes by default.
        top_k_percent: Share of the pixels, the hardest, in the loss of the semantics;
            see :func:`~mmseg_deeplab.ops.topk_cross_entropy`.
        top_k_per_image: Whether these are those of each image, as in deeplab2.
        offset_over_channels: Whether the loss of the offsets is divided by the number
            of values, as in bowenc0221 and deeplab2, and not of pixels, as in
            detectron2.
        **kwargs: Arguments of :class:`DeepLabV3Head` and of ``BaseDecodeHead``.

    Shape:
        input a list of feature maps; output ``(N, K, h, w)``, ``(N, 1, h, w)`` and
        ``(N, 2, h, w)`` (y, x), in the size of the last low level.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_classes: int,
        low_level_index: Sequence[int] = (1, 0),
        low_level_in_channels: Sequence[int] = (512, 256),
        low_level_channels: Sequence[int] = (64, 32),
        instance_low_level_channels: Sequence[int] = (32, 16),
        decoder_channels: int = 256,
        instance_decoder_channels: int = 128,
        instance_head_channels: int = 32,
        separable: bool = True,
        separable_aspp: bool = False,
        separable_center: bool | None = None,
        aspp_dropout: float = 0.1,
        stride: int = 4,
        loss_weights: Sequence[float] = (1.0, 200.0, 0.01),
        top_k_percent: float = 0.2,
        top_k_per_image: bool = False,
        offset_over_channels: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        shared = dict(
            num_classes=num_classes,
            low_level_index=low_level_index,
            low_level_in_channels=low_level_in_channels,
            separable=separable,
            separable_aspp=separable_aspp,
            aspp_dropout=aspp_dropout,
            **kwargs,
        )
        super().__init__(
            in_channels,
            low_level_channels=low_level_channels,
            decoder_channels=decoder_channels,
            init_cfg=init_cfg,
            **shared,
        )
        self.stride = stride
        self.loss_weights = tuple(loss_weights)
        self.top_k = dict(top_k_percent=top_k_percent, per_image=top_k_per_image)
        self.offset_over_channels = offset_over_channels
        self.convs = self._convs(
            decoder_channels, decoder_channels, decoder_channels, separable
        )
        self.conv_seg = _classifier(decoder_channels, num_classes)
        self.instance = InstanceBranch(
            in_channels,
            low_level_channels=instance_low_level_channels,
            decoder_channels=instance_decoder_channels,
            head_channels=instance_head_channels,
            separable_center=separable
            if separable_center is None
            else separable_center,
            **shared,
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, heat and offsets."""
        return self.cls_seg(self.convs(self.decode(inputs))), *self.instance(inputs)

    def loss_by_feat(
        self,
        outputs: tuple[Tensor, Tensor, Tensor],
        data_samples: list[SegDataSample],
    ) -> dict[str, Tensor]:
        """Return the three losses of section 3.2, at the size of the ground truth."""
        logits, heat, offset = outputs
        labels = torch.cat([sample.gt_sem_seg.data for sample in data_samples])
        size = labels.shape[1:]
        target = partial(self._target, data_samples=data_samples, size=size)
        semantic = topk_cross_entropy(
            logits,
            labels,
            target('semantic_weight'),
            ignore_index=self.ignore_index,
            align_corners=self.align_corners,
            **self.top_k,
        )
        maps = torch.cat([heat, offset * self.stride], dim=1).float()
        maps = resize(
            maps,
            size=size,
            mode='bilinear',
            align_corners=self.align_corners,
        )
        center = weighted_mse(maps[:, :1], target('center'), target('center_weight'))
        offset = weighted_l1(
            maps[:, 1:],
            target('offset'),
            target('offset_weight'),
            over_channels=self.offset_over_channels,
        )
        weights = self.loss_weights
        return dict(
            loss_semantic=weights[0] * semantic,
            loss_center=weights[1] * center,
            loss_offset=weights[2] * offset,
        )

    def _target(
        self, name: str, data_samples: list[SegDataSample], size: Sequence[int]
    ) -> Tensor:
        """Stack targets; the preprocessor has padded images and labels alone."""
        targets = (sample.gt_panoptic_targets.get(name) for sample in data_samples)
        return torch.stack(
            [
                F.pad(one, (0, size[1] - one.shape[2], 0, size[0] - one.shape[1]))
                for one in targets
            ]
        )


def _classifier(in_channels: int, channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, channels, 1)
    nn.init.normal_(conv.weight, std=CLASSIFIER_STD)
    nn.init.zeros_(conv.bias)
    return conv
