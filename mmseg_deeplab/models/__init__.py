"""Networks of the papers that MMSegmentation lacks."""

from .backbones import (
    AlignedXception,
    DeepLabMobileNetV2,
    DeepLabMobileNetV3,
    JFZhang95Xception,
    ResNetMulti,
    VainFMobileNetV2,
    VGG16LargeFOV,
)
from .decode_heads import (
    ClassifierModule,
    DeepLabV3Head,
    DeepLabV3PlusHead,
    LargeFOVHead,
    resizes_logits,
)
from .output_stride import set_output_stride
from .postprocess import DenseCRF
from .segmentors import (
    BatchedTTAModel,
    LeanEncoderDecoder,
    LeanTTAModel,
    MultiScaleEncoderDecoder,
    predicting,
)

__all__ = [
    'AlignedXception',
    'BatchedTTAModel',
    'ClassifierModule',
    'DeepLabMobileNetV2',
    'DeepLabMobileNetV3',
    'DeepLabV3Head',
    'DeepLabV3PlusHead',
    'DenseCRF',
    'JFZhang95Xception',
    'LargeFOVHead',
    'LeanEncoderDecoder',
    'LeanTTAModel',
    'MultiScaleEncoderDecoder',
    'ResNetMulti',
    'VGG16LargeFOV',
    'VainFMobileNetV2',
    'predicting',
    'resizes_logits',
    'set_output_stride',
]
