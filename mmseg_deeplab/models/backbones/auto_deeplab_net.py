"""The network that Auto-DeepLab's search has found, and any other of its space."""

import os
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mmseg_deeplab.utils.errors import InputError

from .genotype import AUTO_DEEPLAB, Genotype, make_genotype, read_genotype
from .pretrained_backbone import PretrainedBackbone

# Channels of the stem; research/deeplab/core/nas_network.py, hnasnet.
STEM_CHANNELS = (64, 64, 128)


def relu_conv_bn(
    in_channels: int, out_channels: int, kernel_size: int, norm_cfg: dict, **kwargs
) -> ConvModule:
    """Return ReLU, convolution, BatchNorm; further arguments go to the convolution."""
    return ConvModule(
        in_channels,
        out_channels,
        kernel_size,
        norm_cfg=norm_cfg,
        act_cfg=dict(type='ReLU', inplace=False),
        order=('act', 'conv', 'norm'),
        **kwargs,
    )


def build_stem(in_channels: int, norm_cfg: dict) -> nn.ModuleList:
    """Return the three 3x3 convolutions before the first cell; ReLU is between them."""
    widths = (in_channels, *STEM_CHANNELS)
    return nn.ModuleList(
        ConvModule(
            widths[index],
            widths[index + 1],
            3,
            stride=stride,
            padding=1,
            norm_cfg=norm_cfg,
            act_cfg=None,
        )
        for index, stride in enumerate((2, 1, 2))
    )


class SeparableConv(nn.Module):
    """ReLU, a depthwise and a pointwise convolution, BatchNorm."""

    def __init__(
        self, channels: int, kernel_size: int, *, stride: int, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            kernel_size,
            stride,
            kernel_size // 2,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.bn = build_norm_layer(norm_cfg, channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.pointwise(self.depthwise(x.relu())))


class AtrousConv(nn.Module):
    """ReLU, a full convolution of rate 2, BatchNorm.

    Where the cell halves the resolution, the features are resized first and the rate
    is 1, as in the authors' code; a stride would leave rows out.
    """

    def __init__(
        self, channels: int, kernel_size: int, *, stride: int, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.stride = stride
        rate = 2 if stride == 1 else 1
        self.conv = relu_conv_bn(
            channels,
            channels,
            kernel_size,
            norm_cfg,
            padding=kernel_size // 2 * rate,
            dilation=rate,
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            x = resize_to(x.relu(), [(side - 1) // 2 + 1 for side in x.shape[2:]])
        return self.conv(x)


def build_operation(
    name: str, channels: int, *, stride: int, norm_cfg: dict
) -> nn.Module:
    """Return one of the operations of the search space."""
    options = dict(norm_cfg=norm_cfg)
    if name.startswith('sep_conv'):
        size = int(name[-1])
        return nn.Sequential(
            SeparableConv(channels, size, stride=stride, **options),
            SeparableConv(channels, size, stride=1, **options),
        )
    if name.startswith('atrous_conv'):
        return AtrousConv(channels, int(name[-1]), stride=stride, **options)
    if name == 'avg_pool_3x3':
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    if name == 'max_pool_3x3':
        return nn.MaxPool2d(3, stride, padding=1)
    # skip; every other pixel where the resolution is halved
    return nn.MaxPool2d(1, stride) if stride == 2 else nn.Identity()


class Cell(nn.Module):
    """Blocks of two branches each; their sums, concatenated, are the output."""

    def __init__(
        self,
        blocks: tuple,
        in_channels: tuple[int, int],
        channels: int,
        *,
        step: int,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        self.step = step
        self.sources = [[state for _, state in block] for block in blocks]
        self.inputs = nn.ModuleList(
            relu_conv_bn(width, channels, 1, norm_cfg) for width in in_channels
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                build_operation(
                    name,
                    channels,
                    stride=2 if step == 1 and state < 2 else 1,
                    norm_cfg=norm_cfg,
                )
                for name, state in block
            )
            for block in blocks
        )

    def forward(self, previous: Tensor, before: Tensor, *, keep: float = 1.0) -> Tensor:
        """Compute ``(N, blocks * channels, h, w)`` at the stride of the cell."""
        if self.step == -1:
            previous = resize_to(
                previous, [2 * side - 1 for side in previous.shape[2:]]
            )
        before = resize_to(before, previous.shape[2:])
        states = [self.inputs[0](previous), self.inputs[1](before)]
        for operations, sources in zip(self.blocks, self.sources, strict=True):
            branches = [
                drop_path(operation(states[source]), keep)
                for operation, source in zip(operations, sources, strict=True)
            ]
            states.append(branches[0] + branches[1])
        return torch.cat(states[2:], dim=1)


def drop_path(x: Tensor, keep: float) -> Tensor:
    """Drop a branch for whole images, and scale what is kept to the same mean."""
    if keep == 1:
        return x
    mask = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(keep)
    return x * mask / keep


def resize_to(x: Tensor, size: Sequence[int]) -> Tensor:
    """Resize features bilinearly, corners aligned as everywhere in Auto-DeepLab."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return interpolate(x, size=tuple(size), mode='bilinear', align_corners=True)


@MODELS.register_module()
class AutoDeepLabNet(PretrainedBackbone, BaseModule):
    """Cells of one structure on a path through the strides 4 to 32.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, figure 3, as the authors' code
    has it (research/deeplab/core/nas_network.py); with its ASPP and decoder
    (``DeepLabV3PlusHead`` with full convolutions) 10.15, 21.62 and 44.42 million
    parameters for 20, 32 and 48 filters.

    Args:
        filters: Channels of a block at stride 4, ``F``; the stride doubles them. 20, 32
            and 48 are Auto-DeepLab-S, -M and -L.
        genotype: Path of a JSON file (see
            :func:`~mmseg_deeplab.models.backbones.genotype.read_genotype`), or a dict
            with ``levels`` and ``blocks``; None is the paper's network.
        drop_path_keep: The probability of the last cell's branches not to be dropped,
            at the end of the training; it falls linearly with the cell and with the
            training (:class:`~mmseg_deeplab.engine.ScheduledDropPathHook`). The paper
            does not publish its value; 1 drops nothing.
        in_channels: Channels of the image.
        norm_cfg: Normalisation layer; epsilon 1e-3 and momentum 3e-4 are the authors'.
        init_cfg: Initialisation.

    Shape:
        input ``(N, in_channels, H, W)``; output the last cell of stride 4,
        ``(N, 5 * F, h, w)`` for five blocks, and the last cell after ReLU, at stride 8
        in the paper.

    Raises:
        ValueError: If the genotype is none, or ``drop_path_keep`` is not in (0, 1].
        FileNotFoundError: If there is no such genotype file.
    """

    def __init__(
        self,
        filters: int = 20,
        *,
        genotype: str | os.PathLike | dict | None = None,
        drop_path_keep: float = 1.0,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not 0 < drop_path_keep <= 1:
            raise InputError(
                f'drop_path_keep must be in (0, 1], received {drop_path_keep!r}'
            )
        norm_cfg = norm_cfg or dict(type='BN', eps=1e-3, momentum=3e-4)
        self.genotype = _genotype(genotype)
        self.drop_path_keep = drop_path_keep
        self.training_progress = 0.0  # 1 at the end of the training
        self.stem = build_stem(in_channels, norm_cfg)
        self.cells = self._build_cells(filters, norm_cfg)
        at_stride_4 = [i for i, level in enumerate(self.genotype.levels) if level == 0]
        self.low_level_cell = at_stride_4[-1] if at_stride_4 else None

    def _build_cells(self, filters: int, norm_cfg: dict) -> nn.ModuleList:
        cells, level = nn.ModuleList(), 0
        widths = [STEM_CHANNELS[1], STEM_CHANNELS[2]]
        for target in self.genotype.levels:
            channels = filters * 2**target
            cells.append(
                Cell(
                    self.genotype.blocks,
                    (widths[-1], widths[-2]),
                    channels,
                    step=target - level,
                    norm_cfg=norm_cfg,
                )
            )
            widths.append(channels * len(self.genotype.blocks))
            level = target
        return cells

    def keep_of_cell(self, cell: int) -> float:
        """Return the probability that a branch of a cell is kept now.

        ScheduledDropPath: `Learning Transferable Architectures
        <https://arxiv.org/abs/1707.07012>`_, appendix A.7.
        """
        if not self.training:
            return 1.0
        share = (cell + 1) / len(self.cells)
        return 1 - self.training_progress * share * (1 - self.drop_path_keep)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the low-level features and the last cell's."""
        before = self.stem[1](self.stem[0](x).relu())
        previous = self.stem[2](before.relu())
        low_level = previous
        for index, cell in enumerate(self.cells):
            output = cell(previous, before, keep=self.keep_of_cell(index))
            before, previous = previous, output
            if index == self.low_level_cell:
                low_level = output
        return low_level, previous.relu()


def _genotype(genotype: str | os.PathLike | dict | None) -> Genotype:
    if genotype is None:
        return AUTO_DEEPLAB
    if isinstance(genotype, dict):
        return make_genotype(**genotype)
    return read_genotype(genotype)
