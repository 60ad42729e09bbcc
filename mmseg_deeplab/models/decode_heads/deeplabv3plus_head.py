"""The head of DeepLab v3+ as the paper has it."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmseg.registry import MODELS
from torch import Tensor

from .deeplabv3_head import DeepLabV3Head
from .resizing_heads import resizes_logits


@resizes_logits
@MODELS.register_module()
class DeepLabV3PlusHead(DeepLabV3Head):
    """DeepLab v3's pyramid, then a decoder that adds low-level features.

    `DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 3.1 and table 2: the
    pyramid's result is resized to the low-level features, which a 1x1 convolution
    brings to 48 channels; two 3x3 convolutions of 256 refine both. MMSeg's
    ``DepthwiseSeparableASPPHead`` has 512 channels and a 3x3 fusion before the decoder.

    Args:
        num_classes: ``K``, channels of the logits.
        c1_in_channels: Channels of the low-level features.
        c1_channels: Channels after their 1x1 convolution.
        num_convs: 3x3 convolutions of the decoder.
        num_aspp_convs: 3x3 convolutions of the pyramid's result before it is resized:
            none in the paper, one in segmentation_models_pytorch.
        separable: Depthwise separable decoder (and pyramid): the last row of the
            paper's table 5. It may be a dictionary as in :class:`DeepLabV3Head`.
        separable_aspp: The same for the pyramid alone; None takes ``separable``.
        **kwargs: Arguments of :class:`DeepLabV3Head` and of ``BaseDecodeHead``.

    Shape:
        input a list of feature maps: ``in_index`` selects ``(N, C, h, w)`` and
        the first is the larger low level; output ``(N, K, ...)`` in its size.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_classes: int,
        c1_in_channels: int = 256,
        c1_channels: int = 48,
        num_convs: int = 2,
        num_aspp_convs: int = 0,
        separable: bool | dict = True,
        separable_aspp: bool | dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels,
            num_classes=num_classes,
            separable=separable if separable_aspp is None else separable_aspp,
            num_convs=0,
            **kwargs,
        )
        self.c1_bottleneck = ConvModule(c1_in_channels, c1_channels, 1, **self._layers)
        self.aspp_convs = self._conv_stack(
            self.channels, num_aspp_convs, separable=separable
        )
        self.convs = self._conv_stack(
            self.channels + c1_channels, num_convs, separable=separable
        )

    def _forward_feature(self, inputs: Sequence[Tensor]) -> Tensor:
        pyramid = self.aspp_convs(self._pyramid(self._transform_inputs(inputs)))
        low_level = self.c1_bottleneck(inputs[0])
        return self._add_low_level(pyramid, low_level, self.convs)
