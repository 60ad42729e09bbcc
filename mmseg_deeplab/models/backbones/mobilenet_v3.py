"""MobileNetV3 with the output stride as a knob."""

from collections.abc import Iterator, Sequence

from mmcv.cnn.bricks import Conv2dAdaptivePadding
from mmseg.models.backbones import MobileNetV3
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.checkpoints.pretrained import load_pretrained, split_pretrained
from mmseg_deeplab.ops.geometry import block_geometry, check_output_stride

STYLES = ('torchvision', 'tensorflow')

# Where the features leave each stride (4, 8, 16, 32 of the undilated network).
LAST_LAYERS = {'small': (1, 3, 8, 12), 'large': (3, 6, 12, 16)}


@MODELS.register_module()
class DeepLabMobileNetV3(MobileNetV3):
    """MobileNetV3 whose strides turn into dilations from ``output_stride`` on.

    `Searching for MobileNetV3 <https://arxiv.org/abs/1905.02244>`_, section 6.4.
    MMSeg's ``MobileNetV3`` always runs at output stride 8, pads strided convolutions as
    TensorFlow does, and normalises with an epsilon of 1e-5; the keys are the same.

    Args:
        arch: ``'small'`` or ``'large'``.
        output_stride: Input size over feature size: 8, 16 or 32.
        style: How the published networks dilate and pad. ``'torchvision'``: the block
            that has lost its stride already runs at the new rate, padding is the same
            on both sides. ``'tensorflow'``: that block keeps the rate so far, strided
            convolutions pad more at the bottom and right (``SAME``).
        out_indices: Layers to return, 0 is the stem; the last ones of the strides 4, 8,
            16 and 32 by default, (3, 6, 12, 16) for ``'large'``: 24, 40, 112 and 960
            channels.
        frozen_stages: Layers kept entirely, counted as ``out_indices``; -1 none.
        norm_cfg: Normalisation layer. Epsilon 1e-3 and momentum 0.01 are those of
            torchvision's and TensorFlow's networks.
        norm_eval: Keep the statistics of BatchNorm in training.
        conv_cfg: Convolution layer of the host's registry, but for the depthwise ones.
        reduction_factor: Divides the channels of the last stage.
        with_cp: Recompute blocks in the backward pass: less memory, more time.
        init_cfg: Initialisation. With ``type='Pretrained'`` the file may be
            torchvision's, this project's or MMSeg's.

    Shape:
        input ``(N, 3, H, W)``; output a tuple of ``(N, C, h, w)`` maps.

    Raises:
        ValueError: If an argument is outside the values above.
    """

    def __init__(
        self,
        arch: str = 'large',
        *,
        output_stride: int = 16,
        style: str = 'torchvision',
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_cfg: dict | None = None,
        norm_eval: bool = False,
        conv_cfg: dict | None = None,
        reduction_factor: int = 1,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        self._check(arch, output_stride, style)
        super().__init__(
            arch,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg or dict(type='BN', eps=1e-3, momentum=0.01),
            out_indices=tuple(out_indices or LAST_LAYERS[arch]),
            frozen_stages=frozen_stages,
            reduction_factor=reduction_factor,
            norm_eval=norm_eval,
            with_cp=with_cp,
            init_cfg=init_cfg,
        )
        self.output_stride = output_stride
        self.style = style
        if style == 'torchvision':
            self.layer0.conv = symmetric(self.layer0.conv)
        for name, stride, dilation in self._geometry():
            self._dilate(getattr(self, name).depthwise_conv, stride, dilation)
        self.train()  # frozen from the start, not only after the first train()

    def _geometry(self) -> Iterator[tuple[str, int, int]]:
        """Yield name, stride and dilation of every block."""
        strides = [stride for *_, stride in self.arch_settings[self.arch]]
        geometry = block_geometry(strides, self.output_stride)
        blocks = enumerate(zip(strides, geometry, strict=True), start=1)
        for number, (stride, (kept, rate)) in blocks:
            if self.style == 'torchvision':
                rate *= stride // kept  # at once in the block that has lost its stride
            yield f'layer{number}', kept, rate

    def _dilate(self, layer: nn.Module, stride: int, dilation: int) -> None:
        conv = layer.conv
        if self.style == 'torchvision':
            layer.conv = conv = symmetric(conv)
        conv.stride, conv.dilation = (stride, stride), (dilation, dilation)
        if not isinstance(conv, Conv2dAdaptivePadding):
            conv.padding = tuple(size // 2 * dilation for size in conv.kernel_size)

    def init_weights(self) -> None:
        """Initialise, then load the pre-trained file whatever family it is from."""
        self.init_cfg, pretrained = split_pretrained(self.init_cfg)
        super().init_weights()
        if pretrained is not None:
            load_pretrained(self, **pretrained)

    def forward(self, x):
        """Return the maps of ``out_indices``, as a tuple like the other backbones."""
        return tuple(super().forward(x))

    def train(self, mode: bool = True) -> 'DeepLabMobileNetV3':
        """Switch the mode, keep frozen what is frozen; unlike the host's, chainable."""
        super().train(mode)
        return self

    @classmethod
    def _check(cls, arch: str, output_stride: int, style: str) -> None:
        if arch not in cls.arch_settings:
            raise ValueError(
                f'arch must be one of {sorted(cls.arch_settings)}, received {arch!r}'
            )
        check_output_stride(output_stride)
        if style not in STYLES:
            raise ValueError(f'style must be one of {STYLES}, received {style!r}')


def symmetric(conv: nn.Conv2d) -> nn.Conv2d:
    """Return a convolution of the same shape that pads both sides alike."""
    if not isinstance(conv, Conv2dAdaptivePadding):
        return conv
    return nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=tuple(size // 2 for size in conv.kernel_size),
        groups=conv.groups,
        bias=conv.bias is not None,
    )
