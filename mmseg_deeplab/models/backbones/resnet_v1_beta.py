"""ResNet-v1-beta of TensorFlow's DeepLab: three 3x3 in the stem, its own low level."""

from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from .recompute import recompute
from .resnet_multi import ResNetMulti


class SamePool(nn.MaxPool2d):
    """Max-pooling with TensorFlow's SAME padding.

    A side of even length is padded at its end only, an odd one at both ends. The input
    must not be negative, so that a padding of zeros never wins.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        return super().forward(F.pad(x, (width % 2, 0, height % 2, 0)))


@MODELS.register_module()
class ResNetV1Beta(ResNetMulti):
    """ResNet of TensorFlow's DeepLab, for its weights.

    ``resnet_v1_50_beta`` and ``resnet_v1_101_beta`` of TF's
    ``research/deeplab/core/resnet_v1_beta.py``. It differs from the base class: three
    3x3 convolutions instead of one 7x7, and a pool that pads as TensorFlow does. TF
    strides in the last unit of a stage, where here the first 1x1 convolutions of the
    next one do: the values are the same at every output stride.

    Args:
        depth: 50 or 101 in TF's model zoo; 26 and 152 as in the base class.
        base_channels: Channels of the first two convolutions; the third has twice as
            many.
        **kwargs: The arguments of :class:`ResNetMulti`.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps, where
        each stride-2 step rounds up. Map 0, at stride 4, is not the first stage's
        output but what its last but one unit adds to its input, which TF's decoder
        takes (``DECODER_END_POINTS`` of ``feature_extractor.py``).
    """

    def __init__(self, depth: int = 50, *, base_channels: int = 64, **kwargs) -> None:
        super().__init__(
            depth,
            base_channels=base_channels,
            stem_channels=2 * base_channels,
            deep_stem=True,
            **kwargs,
        )

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        self.maxpool = SamePool(3, stride=2, ceil_mode=True)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.maxpool(self.stem(x))
        *units, unit, last = self.layer1
        for other in units:
            x = other(x)
        low_level = recompute(unit, unit.branch, x, when=unit.recompute)
        skip = unit.downsample(x) if unit.downsample else x  # first of two units
        x = last(F.relu(skip + low_level))
        maps = [low_level]
        for layer in (self.layer2, self.layer3, self.layer4):
            x = layer(x)
            maps.append(x)
        return tuple(maps[i] for i in self.out_indices)
