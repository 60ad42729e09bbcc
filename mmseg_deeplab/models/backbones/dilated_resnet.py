"""ResNet-18 and 34 whose blocks are dilated in both convolutions."""

from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import BasicBlock as StockBasicBlock
from mmseg.registry import MODELS

from .pretrained_backbone import PretrainedBackbone


class BasicBlock(StockBasicBlock):
    """MMSeg's block of two 3x3 convolutions, of which it dilates only the first."""

    def __init__(self, inplanes: int, planes: int, *args, **kwargs) -> None:
        super().__init__(inplanes, planes, *args, **kwargs)
        self.conv2.dilation = self.conv2.padding = (self.dilation, self.dilation)


@MODELS.register_module()
class DilatedResNet(PretrainedBackbone, ResNet):
    """MMSeg's ResNet of depth 18 or 34, dilated in both convolutions of a block.

    `ResNet <https://arxiv.org/abs/1512.03385>`_, table 1, dilated as in
    segmentation_models_pytorch (``replace_strides_with_dilation``), whose weights
    expect it. The arguments are those of MMSegmentation's ``ResNet``.
    """

    arch_settings = {18: (BasicBlock, (2, 2, 2, 2)), 34: (BasicBlock, (3, 4, 6, 3))}
