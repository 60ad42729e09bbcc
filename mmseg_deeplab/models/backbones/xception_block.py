"""One residual unit of the aligned Xception: three separable convolutions."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from .recompute import recompute


class XceptionBlock(BaseModule):
    """Three separable 3x3 convolutions with a skip connection.

    `DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, figure 4, in the form of
    ``xception_module`` of TF's ``research/deeplab/core/xception.py``: the last
    convolution carries the stride, BatchNorm follows every depthwise and every
    pointwise convolution, padding is ``dilation`` on each side.

    Args:
        in_channels: Channels of the input.
        channels: Output channels of the three convolutions.
        dilations: Rates of the three convolutions.
        stride: Stride of the last convolution and of the shortcut.
        skip: ``'conv'`` adds a 1x1 convolution of the input, ``'sum'`` the input
            itself, ``'none'`` nothing.
        activation: ``'before'`` puts a ReLU before each separable convolution;
            ``'inside'`` puts one after each depthwise and each pointwise convolution
            instead (TF's last block); ``'around'`` puts one before each and a last
            one after them all (jfzhang95's last block).
        skip_after_relu: Take the skip behind the opening ReLU, as an in-place ReLU
            makes jfzhang95's code do.
        with_cp: Recompute the block in the backward pass: less memory, more time.
        norm_cfg: Normalisation layer.

    Shape:
        input ``(N, in_channels, h, w)``; output two maps, see :meth:`forward`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int],
        *,
        dilations: Sequence[int] = (1, 1, 1),
        stride: int = 1,
        skip: str = 'conv',
        activation: str = 'before',
        skip_after_relu: bool = False,
        with_cp: bool = False,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        norm_cfg = norm_cfg or dict(type='BN')
        act_cfg = dict(type='ReLU') if activation == 'inside' else None
        self.activation = activation
        self.skip_after_relu = skip_after_relu
        self.with_cp = with_cp
        self.convs = nn.ModuleList(
            DepthwiseSeparableConvModule(
                before,
                after,
                3,
                stride=stride if j == 2 else 1,
                padding=rate,
                dilation=rate,
                norm_cfg=norm_cfg,
                act_cfg=act_cfg,
            )
            for j, (before, after, rate) in enumerate(
                zip((in_channels, *channels[:-1]), channels, dilations, strict=True)
            )
        )
        self.skip = skip
        if skip == 'conv':
            self.shortcut = ConvModule(
                in_channels,
                channels[-1],
                1,
                stride=stride,
                norm_cfg=norm_cfg,
                act_cfg=None,
            )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the map before the last separable convolution.

        The latter, still at the input's size, is what TF's decoder takes.
        """
        return recompute(self, self._forward, x, when=self.with_cp)

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.skip_after_relu:
            x = F.relu(x)
        out = x
        for conv in self.convs:
            before = out
            out = conv(out if self.activation == 'inside' else F.relu(out))
        if self.activation == 'around':
            out = F.relu(out)
        return self._add_skip(out, x), before

    def _add_skip(self, out: Tensor, x: Tensor) -> Tensor:
        if self.skip == 'none':
            return out
        return out + (self.shortcut(x) if self.skip == 'conv' else x)
