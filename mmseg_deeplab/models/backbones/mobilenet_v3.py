"""MobileNetV3 at any output stride."""

from collections.abc import Sequence

from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmseg.models.backbones import MobileNetV3
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.ops.geometry import block_geometry
from mmseg_deeplab.utils.value_checks import require_one_of

from .pretrained_backbone import PretrainedBackbone

# Where the features leave each stride (4, 8, 16, 32 of the undilated network).
LAST_LAYERS = {'small': (1, 3, 8, 12), 'large': (3, 6, 12, 16)}


@MODELS.register_module()
class DeepLabMobileNetV3(PretrainedBackbone, MobileNetV3):
    """MobileNetV3 whose strides turn into dilations from ``output_stride`` on.

    `Searching for MobileNetV3 <https://arxiv.org/abs/1905.02244>`_, section 6.4, in
    the form of torchvision's network: the block that has lost its stride already runs
    at the new rate, and padding is the same on both sides. MMSeg's ``MobileNetV3``
    always runs at output stride 8, pads strided convolutions as TensorFlow does, and
    normalises with an epsilon of 1e-5; the keys are the same.

    Args:
        arch: ``'small'`` or ``'large'``.
        output_stride: Input size over feature size: 8, 16 or 32.
        out_indices: Layers to return, 0 is the stem; the last ones of the strides 4, 8,
            16 and 32 by default, (3, 6, 12, 16) for ``'large'``: 24, 40, 112 and 960
            channels.
        in_channels: Channels of the image.
        norm_cfg: Normalisation layer. Epsilon 1e-3 and momentum 0.01 are those of
            torchvision's and TensorFlow's networks.
        **kwargs: The other arguments of MMSeg's ``MobileNetV3``. With
            ``init_cfg=dict(type='Pretrained', ...)`` the file may be torchvision's,
            this project's or MMSeg's.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps.
    """

    def __init__(
        self,
        arch: str = 'large',
        *,
        output_stride: int = 16,
        out_indices: Sequence[int] | None = None,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        require_one_of('arch', arch, self.arch_settings)
        strides = [stride for *_, stride in self.arch_settings[arch]]
        geometry = block_geometry(strides, output_stride)
        super().__init__(
            arch,
            norm_cfg=norm_cfg or dict(type='BN', eps=1e-3, momentum=0.01),
            out_indices=tuple(out_indices or LAST_LAYERS[arch]),
            **kwargs,
        )
        self.output_stride = output_stride
        self.layer0.conv = symmetric(self.layer0.conv, in_channels)
        for number, (stride, (kept, rate)) in enumerate(
            zip(strides, geometry, strict=True), start=1
        ):
            layer = getattr(self, f'layer{number}').depthwise_conv
            layer.conv = conv = symmetric(layer.conv)
            rate *= stride // kept  # at once in the block that has lost its stride
            conv.stride, conv.dilation = (kept, kept), (rate, rate)
            conv.padding = tuple(size // 2 * rate for size in conv.kernel_size)
        self.train()  # frozen from the start, not only after the first train()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(super().forward(x))


def symmetric(conv: nn.Conv2d, in_channels: int | None = None) -> nn.Conv2d:
    """Return a convolution of the same shape that pads both sides alike."""
    if not isinstance(conv, Conv2dAdaptivePadding):
        return conv
    return nn.Conv2d(
        in_channels or conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=tuple(size // 2 for size in conv.kernel_size),
        groups=conv.groups,
        bias=conv.bias is not None,
    )
