"""DeepLab v3+ with the dense prediction cell, which a search has found."""

import torch
from mmcv.cnn import DepthwiseSeparableConvModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .deeplabv3plus_head import DeepLabV3PlusHead
from .resizing_heads import resizes_logits

# Input of each branch (-1: the features, else a branch before it) and its rates of
# height and width at output stride 16: TF's
# research/deeplab/core/dense_prediction_cell_branch5_top1_cityscapes.json.
CELL = ((-1, (1, 6)), (0, (18, 15)), (1, (6, 3)), (0, (1, 1)), (0, (6, 21)))


@resizes_logits
@MODELS.register_module()
class DensePredictionCellHead(DeepLabV3PlusHead):
    """DeepLab v3+ with a dense prediction cell in place of the pyramid.

    `Searching for Efficient Multi-Scale Architectures for Dense Image Prediction
    <https://arxiv.org/abs/1809.04184>`_, the best cell for Cityscapes, in the form of
    TF's ``research/deeplab``: five separable 3x3 convolutions with one rate for the
    height and one for the width, four of which start from another one's result, and a
    1x1 convolution of all five. TF drops channels before the latter; here the dropout
    is before the classifier.

    Args:
        rate_multiplier: Multiplies the rates: 1 at output stride 16, 2 at 8.
        **kwargs: Arguments of :class:`DeepLabV3PlusHead`, but for those of its pyramid
            (``dilations``, ``image_pooling``, ``separable_aspp``).

    Shape:
        as in :class:`DeepLabV3PlusHead`.
    """

    def __init__(self, in_channels: int, *, rate_multiplier: int = 1, **kwargs) -> None:
        super().__init__(
            in_channels, dilations=(1,) * len(CELL), image_pooling=False, **kwargs
        )
        branches = []
        for source, rates in CELL:
            padding = tuple(rate * rate_multiplier for rate in rates)
            branches.append(
                DepthwiseSeparableConvModule(
                    self.in_channels if source < 0 else self.channels,
                    self.channels,
                    3,
                    padding=padding,
                    dilation=padding,
                    **self._layers,
                )
            )
        self.aspp_modules = nn.ModuleList(branches)

    def _pyramid(self, x: Tensor) -> Tensor:
        outs = []
        for (source, _), branch in zip(CELL, self.aspp_modules, strict=True):
            outs.append(branch(x if source < 0 else outs[source]))
        return self.bottleneck(torch.cat(outs, dim=1))
