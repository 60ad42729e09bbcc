"""The head of an architecture search: a small pyramid at every stride, summed."""

from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import interpolate

from .image_pooling import ImagePooling

# The rate of the 3x3 branch at stride s is 96 / s: Auto-DeepLab, section 4.1.
RATE_TIMES_STRIDE = 96
FINEST_STRIDE = 4


class Pyramid(nn.Module):
    """A 1x1 branch, a 3x3 branch and the pooled image, joined by a 1x1 convolution."""

    def __init__(self, in_channels: int, channels: int, rate: int, **layers) -> None:
        super().__init__()
        self.pointwise = ConvModule(in_channels, channels, 1, **layers)
        self.atrous = ConvModule(
            in_channels, channels, 3, padding=rate, dilation=rate, **layers
        )
        self.image_pool = ImagePooling(in_channels, channels, **layers)
        self.bottleneck = ConvModule(3 * channels, channels, 1, **layers)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.image_pool(x).expand(-1, -1, *x.shape[2:])
        return self.bottleneck(
            torch.cat([self.pointwise(x), self.atrous(x), pooled], dim=1)
        )


@MODELS.register_module()
class MultiStrideASPPHead(BaseDecodeHead):
    """Pyramids of three branches at the strides 4 to 32, upsampled and summed.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4.1, the last layer of
    the super-network; its classifier follows the sum.

    Args:
        in_channels: Channels of each map, finest stride first.
        num_classes: Number of classes, ``K``.
        channels: Channels of every branch.
        **kwargs: The arguments of ``BaseDecodeHead``.

    Shape:
        input a list of ``(N, C, h, w)`` maps, finest first; output ``(N, K, h, w)`` at
        stride 4.
    """

    def __init__(
        self, in_channels: Sequence[int], *, num_classes: int, channels: int, **kwargs
    ) -> None:
        super().__init__(
            in_channels=list(in_channels),
            in_index=list(range(len(in_channels))),
            input_transform='multiple_select',
            channels=channels,
            num_classes=num_classes,
            **kwargs,
        )
        layers = dict(
            conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg
        )
        self.pyramids = nn.ModuleList(
            Pyramid(
                width,
                channels,
                RATE_TIMES_STRIDE // (FINEST_STRIDE * 2**level),
                **layers,
            )
            for level, width in enumerate(self.in_channels)
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        maps = self._transform_inputs(inputs)
        total = sum(
            interpolate(
                pyramid(x),
                size=maps[0].shape[2:],
                mode='bilinear',
                align_corners=self.align_corners,
            )
            for pyramid, x in zip(self.pyramids, maps, strict=True)
        )
        return self.cls_seg(total)
