"""The heads of DeepLab v1 and of DeepLab v2 on VGG-16: fc6, fc7, fc8."""

from collections import OrderedDict
from collections.abc import Sequence

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from .head_arguments import check_head
from .resizing_heads import resizes_logits


@resizes_logits
@MODELS.register_module()
class LargeFOVHead(BaseDecodeHead):
    """Large field of view by one atrous fc6, or by a pyramid of them, summed.

    `DeepLab v1 <https://arxiv.org/abs/1412.7062>`_, section 5 (LargeFOV: one branch at
    rate 12), and `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4.1 (ASPP on
    VGG-16: rates 6, 12, 18, 24, each branch with its own fc6, fc7 and fc8: VGG-16's
    fully connected layers as convolutions, of which fc6 is atrous). Like
    :class:`ClassifierModule` it has no ``conv_seg``: fc8 classifies.

    Args:
        num_classes: ``K``, channels of the logits.
        dilations: Rate of fc6 in each branch, at output stride 8.
        channels: Channels of fc6 and fc7 (v1 keeps 1024 of VGG-16's 4096).
        dropout_ratio: Dropout after fc6 and after fc7.
        init_cfg: Initialisation. By default as the Caffe release leaves layers without
            pre-trained weights: fc6 and fc7 Xavier, fc8 N(0, 0.01), biases 0.

    Shape:
        input a list of feature maps, of which ``in_index`` selects ``(N, C, h, w)``;
        output ``(N, K, h, w)``.
    """

    def __init__(
        self,
        in_channels: int = 512,
        *,
        num_classes: int,
        dilations: Sequence[int] = (12,),
        channels: int = 1024,
        dropout_ratio: float = 0.5,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        check_head(num_classes, dilations)
        super().__init__(
            in_channels,
            channels=channels,
            num_classes=num_classes,
            dropout_ratio=0,  # the branches have their own
            init_cfg=init_cfg or dict(type='Xavier', layer='Conv2d', bias=0),
            **kwargs,
        )
        del self.conv_seg  # fc8 classifies
        self.dilations = tuple(dilations)
        self.branches = nn.ModuleList(
            self._branch(rate, dropout_ratio) for rate in self.dilations
        )

    def _branch(self, rate: int, dropout_ratio: float) -> nn.Sequential:
        width = self.channels
        return nn.Sequential(
            OrderedDict(
                fc6=nn.Conv2d(self.in_channels, width, 3, padding=rate, dilation=rate),
                relu6=nn.ReLU(inplace=True),
                drop6=nn.Dropout(dropout_ratio),
                fc7=nn.Conv2d(width, width, 1),
                relu7=nn.ReLU(inplace=True),
                drop7=nn.Dropout(dropout_ratio),
                fc8=nn.Conv2d(width, self.out_channels, 1),
            )
        )

    def init_weights(self) -> None:
        """Initialise, the classifiers with N(0, 0.01)."""
        super().init_weights()
        for branch in self.branches:
            nn.init.normal_(branch.fc8.weight, std=0.01)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        x = self._transform_inputs(inputs)
        return sum(branch(x) for branch in self.branches)  # (N, K, h, w)
