"""The head of DeepLab v3 as the paper has it."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmseg.models.decode_heads import ASPPHead
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.utils.value_checks import require_one_of

from ..backbones.resnet_multi import FROZEN_BN
from .head_arguments import check_head
from .image_pooling import ImagePooling
from .resizing_heads import resizes_logits


@resizes_logits
@MODELS.register_module()
class DeepLabV3Head(ASPPHead):
    """Atrous spatial pyramid pooling with image-level features, 1x1 fusion.

    `DeepLab v3 <https://arxiv.org/abs/1706.05587>`_, section 3.3: a 1x1 branch, one 3x3
    branch per rate and the pooled image, 256 channels each, joined by a 1x1
    convolution. MMSeg's ``ASPPHead`` has 512 channels and a 3x3 fusion, and cannot
    train with one image per process; the keys are the same, so are the meanings of the
    arguments, and the order of the branches (image first).

    Args:
        num_classes: ``K``, channels of the logits.
        channels: Channels of every branch and of the fusion.
        dilations: Rate of each branch; 1 is the 1x1 convolution. (1, 6, 12, 18) is the
            paper's for output stride 16, (1,) what TF gives MobileNetV2.
        image_pooling: Whether there is an image-level branch (DeepLab v3+ does without
            on Cityscapes, its table 7). A dictionary holds arguments of its
            ``ConvModule`` that differ from the other branches, such as ``norm_cfg``.
        separable: Depthwise separable 3x3 branches
            (`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 3.2). A
            dictionary holds arguments of their ``DepthwiseSeparableConvModule`` that
            differ, such as ``dw_norm_cfg``.
        num_convs: 3x3 convolutions between the fusion and the classifier: none in the
            paper, one in torchvision's network.
        frozen_bn: ``'none'``, ``'affine'`` or ``'all'``, see :class:`ResNetMulti`;
            the paper's second stage, at output stride 8, keeps all of BatchNorm.

    Shape:
        input a list of feature maps, of which ``in_index`` selects ``(N, C, h, w)``;
        output ``(N, K, h, w)``.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_classes: int,
        channels: int = 256,
        dilations: Sequence[int] = (1, 6, 12, 18),
        image_pooling: bool | dict = True,
        separable: bool | dict = False,
        num_convs: int = 0,
        norm_cfg: dict | None = None,
        frozen_bn: str = 'none',
        **kwargs,
    ) -> None:
        check_head(num_classes, dilations)
        require_one_of('frozen_bn', frozen_bn, FROZEN_BN)
        if norm_cfg is not None and frozen_bn != 'none':
            norm_cfg = dict(norm_cfg, requires_grad=False)
        super().__init__(
            in_channels=in_channels,
            num_classes=num_classes,
            channels=channels,
            dilations=tuple(dilations),
            norm_cfg=norm_cfg,
            **kwargs,
        )
        self.frozen_bn = frozen_bn
        self.image_pool = None
        if image_pooling is not False:
            layers = self._layers | (image_pooling if image_pooling is not True else {})
            self.image_pool = ImagePooling(self.in_channels, channels, **layers)
        for index, rate in enumerate(self.dilations) if separable else ():
            if rate > 1:
                self.aspp_modules[index] = self._conv(
                    self.in_channels, channels, dilation=rate, separable=separable
                )
        branches = len(self.dilations) + (self.image_pool is not None)
        self.bottleneck = ConvModule(branches * channels, channels, 1, **self._layers)
        self.convs = self._conv_stack(channels, num_convs, separable=False)

    def train(self, mode: bool = True) -> 'DeepLabV3Head':
        """Switch the mode and keep frozen statistics frozen."""
        super().train(mode)
        if self.frozen_bn == 'all':
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    @property
    def _layers(self) -> dict:
        return dict(
            conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg
        )

    def _conv(
        self,
        in_channels: int,
        channels: int,
        *,
        kernel_size: int = 3,
        dilation: int = 1,
        separable: bool | dict = False,
    ) -> nn.Module:
        layer = DepthwiseSeparableConvModule if separable else ConvModule
        others = separable if isinstance(separable, dict) else {}
        return layer(
            in_channels,
            channels,
            kernel_size,
            padding=dilation * (kernel_size // 2),
            dilation=dilation,
            **self._layers,
            **others,
        )

    def _conv_stack(
        self, in_channels: int, num_convs: int, *, separable: bool | dict
    ) -> nn.Sequential:
        widths = [in_channels, *[self.channels] * num_convs][:num_convs]
        return nn.Sequential(
            *(self._conv(width, self.channels, separable=separable) for width in widths)
        )

    def _add_low_level(self, x: Tensor, low_level: Tensor, convs: nn.Module) -> Tensor:
        """Do a stage of a decoder: resize, concatenate, refine."""
        x = resize(
            x,
            size=low_level.shape[2:],
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return convs(torch.cat([x, low_level], dim=1))

    def _pyramid(self, x: Tensor) -> Tensor:
        outs = self.aspp_modules(x)
        if self.image_pool is not None:
            pooled = resize(
                self.image_pool(x),
                size=x.shape[2:],
                mode='bilinear',
                align_corners=self.align_corners,
            )
            outs = [pooled, *outs]
        return self.bottleneck(torch.cat(outs, dim=1))  # (N, channels, h, w)

    def _forward_feature(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.convs(self._pyramid(self._transform_inputs(inputs)))
