"""MobileNetV2 with TF's rule for dilations, at any output stride."""

from collections.abc import Sequence
from typing import Self

from mmcv.cnn import ConvModule
from mmseg.models.backbones import MobileNetV2
from mmseg.models.utils import InvertedResidual, make_divisible
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_deeplab.ops.geometry import block_geometry

from .pretrained_backbone import PretrainedBackbone
from .recompute import recompute

STRIDES = (1, 2, 2, 2, 1, 2, 1)  # MobileNetV2, table 2


class Block(InvertedResidual):
    """MMSeg's inverted residual; with ``with_cp`` a step updates BatchNorm once."""

    def forward(self, x: Tensor) -> Tensor:
        return recompute(self, self._forward, x, when=self.with_cp)

    def _forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return x + out if self.use_res_connect else out


class PaddedBlock(Block):
    """Inverted residual that pads before its first 1x1 convolution, not after it.

    So the depthwise convolution sees ``relu6(bn(0))`` at the borders, not zero, as in
    VainF's code.
    """

    def __init__(self, *args, dilation: int = 1, **kwargs) -> None:
        super().__init__(*args, dilation=dilation, **kwargs)
        self.pad = (dilation,) * 4
        for module in self.conv.modules():
            if isinstance(module, nn.Conv2d):
                module.padding = (0, 0)

    def _forward(self, x: Tensor) -> Tensor:
        out = self.conv(F.pad(x, self.pad))
        return x + out if self.use_res_connect else out


@MODELS.register_module()
class DeepLabMobileNetV2(PretrainedBackbone, MobileNetV2):
    """MobileNetV2 as TF's DeepLab dilates it.

    `MobileNetV2 <https://arxiv.org/abs/1801.04381>`_, section 6.3. It differs from
    MMSeg's ``MobileNetV2``, which dilates only the first block of a stage: here the
    rate reached so far holds for every block, and the block whose stride was removed
    keeps the rate before (output stride 16: stage 6 has rates 1, 2, 2 and stage 7
    rate 2; 8: stage 4 has 1, 2, 2, 2, stage 5 has 2, stage 6 has 2, 4, 4, stage 7 has
    4; ``mobilenet_base`` of ``research/slim/nets/mobilenet/mobilenet.py``). Weights
    trained by TF need this rule. The output is a tuple also if it is one map.

    Args:
        widen_factor: Multiplies the channels.
        output_stride: Input size over feature size: 8, 16 or 32.
        divisor: Channels are rounded to multiples of it. None is TF DeepLab's choice:
            8 at ``widen_factor`` 1, else 1 (``_mobilenet_v2`` of
            ``research/deeplab/core/feature_extractor.py``); the width inside a block
            is a multiple of 8 always. MMSeg rounds all to 8.
        out_indices: Stages to return, from 0 (16, 24, 32, 64, 96, 160, 320 channels).
        in_channels: Channels of the image.
        norm_cfg: Normalisation layer, ``BN`` if None (``eps`` is 1e-3 in TF).
        act_cfg: Activation layer, ``ReLU6`` if None.
        **kwargs: ``frozen_stages`` (0 is the stem, -1 none), ``norm_eval``,
            ``with_cp``, ``conv_cfg`` and ``init_cfg`` as in MMSeg's. With
            ``init_cfg=dict(type='Pretrained', ...)`` the file may be MMSeg's,
            mmpretrain's (its last convolution and classifier are left out) or this
            project's.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps, each
        stride-2 step rounding up.
    """

    block_type = Block
    stem_padding = 1

    def __init__(
        self,
        widen_factor: float = 1.0,
        *,
        output_stride: int = 16,
        divisor: int | None = None,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        # make_layer, which the constructor of the base class calls, needs these.
        self.output_stride, self.image_channels = output_stride, in_channels
        self.divisor = (8 if widen_factor == 1 else 1) if divisor is None else divisor
        self.geometry = self._geometry(output_stride)
        super().__init__(
            widen_factor=widen_factor,
            out_indices=tuple(out_indices),
            norm_cfg=norm_cfg or dict(type='BN'),
            act_cfg=act_cfg or dict(type='ReLU6'),
            **kwargs,
        )
        self.train()  # frozen from the start, not only after the first train()

    @classmethod
    def _geometry(cls, output_stride: int) -> list[list[tuple[int, int]]]:
        """Return stride and dilation of every block, by stage."""
        counts = [num_blocks for _, _, num_blocks in cls.arch_settings]
        strides = [
            stride if i == 0 else 1
            for stride, count in zip(STRIDES, counts, strict=True)
            for i in range(count)
        ]
        blocks = iter(block_geometry(strides, output_stride))
        return [[next(blocks) for _ in range(count)] for count in counts]

    def make_layer(self, out_channels, num_blocks, stride, dilation, expand_ratio):
        """Build the next stage, whose widths, strides and dilations are those of TF."""
        stage = len(self.layers)
        if stage == 0:
            self._make_stem()
        out_channels = self._width(self.arch_settings[stage][1])
        blocks = []
        for block_stride, rate in self.geometry[stage]:
            blocks.append(
                self.block_type(
                    self.in_channels,
                    out_channels,
                    block_stride,
                    expand_ratio=self._expansion(expand_ratio),
                    dilation=rate,
                    conv_cfg=self.conv_cfg,
                    norm_cfg=self.norm_cfg,
                    act_cfg=self.act_cfg,
                    with_cp=self.with_cp,
                )
            )
            self.in_channels = out_channels
        return nn.Sequential(*blocks)

    def _make_stem(self) -> None:
        self.in_channels = self._width(32)
        self.conv1 = ConvModule(
            self.image_channels,
            self.in_channels,
            3,
            stride=2,
            padding=self.stem_padding,
            conv_cfg=self.conv_cfg,
            norm_cfg=self.norm_cfg,
            act_cfg=self.act_cfg,
        )

    def _width(self, channels: int) -> int:
        return make_divisible(channels * self.widen_factor, self.divisor)

    def _expansion(self, ratio: int) -> float:
        """Return the ratio that gives a hidden width in multiples of 8."""
        if ratio == 1:
            return 1
        return make_divisible(self.in_channels * ratio, 8) / self.in_channels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = super().forward(x)
        return maps if isinstance(maps, tuple) else (maps,)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.frozen_stages >= 0:
            self.conv1.eval()  # MMSeg lets the stem's statistics follow
        return self


@MODELS.register_module()
class VainFMobileNetV2(DeepLabMobileNetV2):
    """:class:`DeepLabMobileNetV2` as in VainF/DeepLabV3Plus-Pytorch, for its weights.

    The stem has no padding, so its output has ``(H - 3) // 2 + 1`` rows, and blocks pad
    before their first 1x1 convolution.
    """

    block_type = PaddedBlock
    stem_padding = 0
