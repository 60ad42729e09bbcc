"""The aligned Xception of DeepLab v3+, at any output stride."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule, initialize
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.checkpoints.pretrained import load_pretrained, split_pretrained
from mmseg_deeplab.ops.geometry import block_geometry

from .xception_block import XceptionBlock

STYLES = ('tensorflow', 'jfzhang95')

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


@MODELS.register_module()
class AlignedXception(BaseModule):
    """Xception with every max-pooling replaced by a strided separable convolution.

    `DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 3.2 and figure 4, in
    the form of TF's ``research/deeplab/core/xception.py``. A block whose stride is
    removed keeps the rate reached before it: at output stride 16 the exit flow runs at
    rates 1 and 2; at 8 the last entry block runs at rate 1, the middle flow at 2, the
    exit flow at 2 and 4.

    Args:
        depth: 41, 65 or 71.
        in_channels: Channels of the image.
        widen_factor: Multiplies the channels of every layer.
        output_stride: Input size over feature size: 8, 16 or 32.
        style: ``'tensorflow'``, or ``'jfzhang95'`` for weights of that code base
            (depth 65): each skip starts behind the block's opening ReLU, the last
            block has no ReLU after its depthwise convolutions, the third convolution
            of the first exit block has rate 1, and the low-level feature is the first
            block's output after ReLU. Its BatchNorm has ``eps=1e-5``.
        multi_grid: Three factors multiplied with the rate of the last block (TF's
            ``multi_grid``; the paper uses none for Xception).
        out_indices: Maps to return of the four below.
        frozen_stages: Parts kept entirely: 0 is the stem, 1 the entry flow too, 2 the
            middle flow too, 3 all; -1 none.
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
          (``DECODER_END_POINTS`` of TF's ``feature_extractor.py``). 128 channels in
          the ``'jfzhang95'`` style.
        - 1: that block's output at stride 8, 256 channels.
        - 2: the middle flow's output at stride 16 at most, 728 channels.
        - 3: the exit flow's output at ``output_stride``, 2048 channels.

    Raises:
        ValueError: If an argument is outside the values above.
    """

    def __init__(
        self,
        depth: int = 65,
        *,
        in_channels: int = 3,
        widen_factor: float = 1.0,
        output_stride: int = 16,
        style: str = 'tensorflow',
        multi_grid: Sequence[int] | None = None,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or [dict(entry) for entry in INITIAL])
        self._check(depth, style, multi_grid, out_indices, frozen_stages)
        if widen_factor <= 0:
            raise ValueError(f'widen_factor must be > 0, received {widen_factor}')
        self.depth = depth
        self.style = style
        self.output_stride = output_stride
        self.widen_factor = widen_factor
        self.multi_grid = tuple(multi_grid or (1, 1, 1))
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.norm_cfg = norm_cfg or dict(type='BN', eps=1e-3)
        self._make_stem(in_channels)
        self._make_flows()
        self.train()  # frozen from the start, not only after the first train()

    def _make_stem(self, in_channels: int) -> None:
        options = dict(kernel_size=3, padding=1, norm_cfg=self.norm_cfg)
        first, second = self._scaled((32, 64))
        self.conv1 = ConvModule(in_channels, first, stride=2, **options)
        self.conv2 = ConvModule(first, second, **options)

    def _make_flows(self) -> None:
        entry, num_middle = ARCHITECTURES[self.depth]
        strides = [stride for _, stride in entry] + [1] * num_middle
        geometry = block_geometry([*strides, *EXIT_STRIDES], self.output_stride)
        entry_geometry, rest = geometry[: len(entry)], geometry[len(entry) :]
        width = self._scaled((64,))[0]
        self.entry, self.middle = nn.ModuleList(), nn.ModuleList()
        for (channels, _), (stride, rate) in zip(entry, entry_geometry, strict=True):
            block = self._block(width, (channels,) * 3, (rate,) * 3, stride=stride)
            self.entry.append(block)
            width = self._scaled((channels,))[0]
        for _, rate in rest[:num_middle]:
            self.middle.append(self._block(width, MIDDLE, (rate,) * 3, skip='sum'))
        self.exit = self._make_exit(width, rest[num_middle:])

    def _make_exit(self, width: int, geometry: list[tuple[int, int]]) -> nn.ModuleList:
        (stride, rate), (_, last_rate) = geometry
        foreign = self.style == 'jfzhang95'
        first = self._block(
            width, EXIT[0], (rate, rate, 1 if foreign else rate), stride=stride
        )
        last = self._block(
            self._scaled(EXIT[0])[-1],
            EXIT[1],
            [last_rate * factor for factor in self.multi_grid],
            skip='none',
            activation='around' if foreign else 'inside',
        )
        return nn.ModuleList([first, last])

    def _block(
        self,
        in_channels: int,
        channels: Sequence[int],
        dilations: Sequence[int],
        *,
        stride: int = 1,
        skip: str = 'conv',
        activation: str = 'before',
    ) -> XceptionBlock:
        return XceptionBlock(
            in_channels,
            self._scaled(channels),
            dilations=dilations,
            stride=stride,
            skip=skip,
            activation=activation,
            skip_after_relu=self.style == 'jfzhang95',
            with_cp=self.with_cp,
            norm_cfg=self.norm_cfg,
        )

    def _scaled(self, channels: Sequence[int]) -> list[int]:
        return [max(1, round(n * self.widen_factor)) for n in channels]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices``."""
        x = self.conv2(self.conv1(x))
        low, stride_8, x = self._entry_flow(x)
        for block in self.middle:
            x, _ = block(x)
        maps = [low, stride_8, x]
        for block in self.exit:
            x, _ = block(x)
        maps.append(x)
        return tuple(maps[i] for i in self.out_indices)

    def _entry_flow(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        to_stride_8 = 1 if len(self.entry) == 3 else 2
        low = stride_8 = x
        for i, block in enumerate(self.entry):
            x, before_last = block(x)
            if i == to_stride_8:
                stride_8 = x
            if i == to_stride_8 and self.style == 'tensorflow':
                low = before_last
            elif i == 0 and self.style == 'jfzhang95':
                low = F.relu(x)
        return low, stride_8, x

    def init_weights(self) -> None:
        """Initialise, then load the pre-trained file if there is one."""
        self.init_cfg, pretrained = split_pretrained(self.init_cfg)
        super().init_weights()
        for stem in (self.conv1, self.conv2) if self.init_cfg else ():
            initialize(stem, self.init_cfg)  # the host's ConvModule has undone it
        if pretrained is not None:
            load_pretrained(self, **pretrained)

    def train(self, mode: bool = True) -> 'AlignedXception':
        """Switch the mode, keep frozen what is frozen."""
        super().train(mode)
        parts = [(self.conv1, self.conv2), self.entry, self.middle, self.exit]
        for module in [m for part in parts[: self.frozen_stages + 1] for m in part]:
            module.eval().requires_grad_(False)
        for module in self.modules():
            if self.norm_eval and isinstance(module, _BatchNorm):
                module.eval()
        return self

    @staticmethod
    def _check(
        depth: int,
        style: str,
        multi_grid: Sequence[int] | None,
        out_indices: Sequence[int],
        frozen_stages: int,
    ) -> None:
        if depth not in ARCHITECTURES:
            raise ValueError(
                f'depth must be one of {sorted(ARCHITECTURES)}, received {depth!r}'
            )
        if style not in STYLES:
            raise ValueError(f'style must be one of {STYLES}, received {style!r}')
        if style == 'jfzhang95' and depth != 65:
            raise ValueError(f'style {style!r} needs depth 65, received {depth}')
        if multi_grid is not None and (
            len(multi_grid) != 3 or any(rate < 1 for rate in multi_grid)
        ):
            raise ValueError(
                'multi_grid needs 3 factors >= 1, one per convolution of the last '
                f'block, received {tuple(multi_grid)}'
            )
        if not out_indices or not set(out_indices) <= {0, 1, 2, 3}:
            raise ValueError(
                f'out_indices must name maps 0 to 3, received {tuple(out_indices)}'
            )
        if frozen_stages not in range(-1, 4):
            raise ValueError(f'frozen_stages must be -1 to 3, received {frozen_stages}')
