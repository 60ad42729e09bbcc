"""The aligned Xception of DeepLab v3+, at any output stride."""

from collections.abc import Sequence
from typing import Self

from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule, initialize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.checkpoints.pretrained import split_pretrained
from mmseg_deeplab.ops.geometry import block_geometry
from mmseg_deeplab.utils.value_checks import require_one_of

from .pretrained_backbone import PretrainedBackbone, check_out_indices
from .recompute import recompute

# Channels and stride of the blocks of the entry flow, and units of the middle flow
# (xception_41, xception_65, xception_71 of TF's research/deeplab/core/xception.py).
_ENTRY = ((128, 2), (256, 2), (728, 2))
ARCHITECTURES = {
    41: (_ENTRY, 8),
    65: (_ENTRY, 16),
    71: (((128, 2), (256, 1), (256, 2), (728, 1), (728, 2)), 16),
}
MIDDLE = (728, 728, 728)
EXIT = ((728, 1024, 1024), (1536, 1536, 2048))
EXIT_STRIDES = (2, 1)

# TF truncates at two standard deviations (xception_arg_scope: 0.09).
INITIAL = (
    dict(type='TruncNormal', layer='Conv2d', std=0.09, a=-0.18, b=0.18),
    dict(type='Constant', layer='_BatchNorm', val=1),
)


class XceptionBlock(BaseModule):
    """Three separable 3x3 convolutions, a ReLU before each, with a skip connection.

    `DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, figure 4, as ``xception_module``
    of TF's ``research/deeplab/core/xception.py``: the last convolution carries the
    stride. ``skip='conv'`` adds a 1x1 convolution of the input, ``'sum'`` the input
    itself, ``'none'`` nothing.
    """

    act_cfg: dict | None = None

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        *,
        dilations: Sequence[int],
        norm_cfg: dict,
        stride: int = 1,
        skip: str = 'conv',
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        self.with_cp = with_cp
        widths = (in_channels, *channels)
        self.convs = nn.ModuleList(
            DepthwiseSeparableConvModule(
                widths[j],
                widths[j + 1],
                3,
                stride=stride if j == 2 else 1,
                padding=rate,
                dilation=rate,
                norm_cfg=norm_cfg,
                act_cfg=self.act_cfg,
            )
            for j, rate in enumerate(dilations)
        )
        self.shortcut = nn.Identity() if skip == 'sum' else None
        if skip == 'conv':
            self.shortcut = ConvModule(
                in_channels, channels[-1], 1, stride=stride, norm_cfg=norm_cfg,
                act_cfg=None,
            )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the map before the last separable convolution.

        TF's decoder takes the latter, which still has the size of the input.
        """
        return recompute(self, self._forward, x, when=self.with_cp)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        before = out = x
        for conv in self.convs:
            before, out = out, conv(F.relu(out))
        return out if self.shortcut is None else out + self.shortcut(x), before


class LastXceptionBlock(XceptionBlock):
    """TF's last block: a ReLU after each depthwise and each pointwise convolution."""

    act_cfg = dict(type='ReLU')

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        before = x
        for conv in self.convs:
            before, x = x, conv(x)
        return x, before


class JFZhang95Block(XceptionBlock):
    """A block whose skip starts behind its opening ReLU, which is in-place there."""

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return super()._forward(F.relu(x))


class JFZhang95LastBlock(XceptionBlock):
    """jfzhang95's last block: a ReLU before each convolution and one at the end."""

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        out, before = super()._forward(x)
        return F.relu(out), before


@MODELS.register_module()
class AlignedXception(PretrainedBackbone, BaseModule):
    """Xception with every max-pooling replaced by a strided separable convolution.

    `DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 3.2 and figure 4, in
    the form of TF's ``research/deeplab/core/xception.py``. A block whose stride is
    removed keeps the rate reached before it: at output stride 16 the exit flow runs at
    rates 1 and 2; at 8 the last entry block runs at rate 1, the middle flow at 2, the
    exit flow at 2 and 4.

    Args:
        depth: 41, 65 or 71.
        widen_factor: Multiplies the channels of every layer.
        output_stride: Input size over feature size: 8, 16 or 32.
        out_indices: Maps to return of the four below.
        frozen_stages: Parts that stay as they are: 0 is the stem, 1 the entry flow too,
            2 the middle flow too, 3 all; -1 none.
        norm_cfg: Normalisation layer; ``eps`` 1e-3 is TF's.
        norm_eval: Keep BatchNorm's running statistics, also after ``model.train()``.
        with_cp: Recompute blocks in the backward pass: less memory, more time.
        init_cfg: Initialisation, TF's truncated normal (0.09) if None. With
            ``type='Pretrained'`` the file may be this project's, or jfzhang95's.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of maps, each stride-2 step
        rounding up:

        - 0: the decoder's low-level feature at stride 4, 256 channels: the second
          convolution of the block that leads to stride 8
          (``DECODER_END_POINTS`` of TF's ``feature_extractor.py``).
        - 1: that block's output at stride 8, 256 channels.
        - 2: the middle flow's output at stride 16 at most, 728 channels.
        - 3: the exit flow's output at ``output_stride``, 2048 channels.
    """

    block_type = XceptionBlock
    last_block_type = LastXceptionBlock

    def __init__(
        self,
        depth: int = 65,
        *,
        in_channels: int = 3,
        widen_factor: float = 1.0,
        output_stride: int = 16,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or [dict(entry) for entry in INITIAL])
        require_one_of('depth', depth, ARCHITECTURES)
        require_one_of('frozen_stages', frozen_stages, range(-1, 4))
        self.depth = depth
        self.output_stride = output_stride
        self.widen_factor = widen_factor
        self.out_indices = check_out_indices(out_indices, 4)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.norm_cfg = norm_cfg or dict(type='BN', eps=1e-3)
        options = dict(kernel_size=3, padding=1, norm_cfg=self.norm_cfg)
        first, second = self._scaled((32, 64))
        self.conv1 = ConvModule(in_channels, first, stride=2, **options)
        self.conv2 = ConvModule(first, second, **options)
        self._make_flows()
        self.train()  # frozen from the start, not only after the first train()

    def _make_flows(self) -> None:
        entry, num_middle = ARCHITECTURES[self.depth]
        self.to_stride_8 = 1 if len(entry) == 3 else 2  # number of the block
        strides = [*(stride for _, stride in entry), *[1] * num_middle, *EXIT_STRIDES]
        shapes = [((channels,) * 3, 'conv') for channels, _ in entry]
        shapes += [(MIDDLE, 'sum')] * num_middle
        shapes += [(EXIT[0], 'conv'), (EXIT[1], 'none')]
        geometry = block_geometry(strides, self.output_stride)
        width, blocks = self._scaled((64,))[0], []
        for (channels, skip), (stride, rate) in zip(shapes, geometry, strict=True):
            kind = self.last_block_type if skip == 'none' else self.block_type
            is_first_exit = len(blocks) == len(shapes) - 2
            block = kind(
                width,
                self._scaled(channels),
                dilations=self._exit_rates(rate) if is_first_exit else (rate,) * 3,
                stride=stride,
                skip=skip,
                with_cp=self.with_cp,
                norm_cfg=self.norm_cfg,
            )
            blocks.append(block)
            width = self._scaled(channels)[-1]
        self.entry = nn.ModuleList(blocks[: len(entry)])
        self.middle = nn.ModuleList(blocks[len(entry) : -2])
        self.exit = nn.ModuleList(blocks[-2:])

    def _exit_rates(self, rate: int) -> tuple[int, int, int]:
        return rate, rate, rate

    def _scaled(self, channels: Sequence[int]) -> list[int]:
        return [max(1, round(n * self.widen_factor)) for n in channels]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.conv2(self.conv1(x))
        entry = []
        for block in self.entry:
            entry.append(block(x))
            x = entry[-1][0]
        maps = [self._low_level(entry), entry[self.to_stride_8][0]]
        for block in self.middle:
            x, _ = block(x)
        maps.append(x)
        for block in self.exit:
            x, _ = block(x)
        maps.append(x)
        return tuple(maps[i] for i in self.out_indices)

    def _low_level(self, entry: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Return the low-level feature from the two maps of each entry block."""
        return entry[self.to_stride_8][1]

    def init_weights(self) -> None:
        _, pretrained = split_pretrained(self.init_cfg)
        super().init_weights()
        if pretrained is None:
            # mmcv's ConvModule has overwritten the stem with its own initialisation.
            for stem in (self.conv1, self.conv2):
                initialize(stem, self.init_cfg)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        parts = [(self.conv1, self.conv2), self.entry, self.middle, self.exit]
        for module in [m for part in parts[: self.frozen_stages + 1] for m in part]:
            module.eval().requires_grad_(False)
        for module in self.modules():
            if self.norm_eval and isinstance(module, _BatchNorm):
                module.eval()
        return self


@MODELS.register_module()
class JFZhang95Xception(AlignedXception):
    """The aligned Xception of jfzhang95/pytorch-deeplab-xception, for its weights.

    It differs from the base class: each skip starts behind the block's opening ReLU,
    the last block has no ReLU after its depthwise convolutions, the third convolution
    of the first exit block has rate 1, and the low-level feature is the first block's
    output after ReLU, with 128 channels. That code has depth 65 only, and BatchNorm
    with ``eps=1e-5``.
    """

    block_type = JFZhang95Block
    last_block_type = JFZhang95LastBlock

    def _exit_rates(self, rate: int) -> tuple[int, int, int]:
        return rate, rate, 1

    def _low_level(self, entry: list[tuple[Tensor, Tensor]]) -> Tensor:
        return F.relu(entry[0][0])
