"""Networks: what the papers have and the host has not."""

from .backbones import (
    AlignedXception,
    DeepLabMobileNetV2,
    DeepLabMobileNetV3,
    ResNetMulti,
    VGG16LargeFOV,
)
from .decode_heads import (
    ClassifierModule,
    DeepLabV3Head,
    DeepLabV3PlusHead,
    LargeFOVHead,
)
from .output_stride import set_output_stride
from .postprocess import DenseCRF
from .segmentors import (
    BatchedTTAModel,
    CRFTTAModel,
    LeanEncoderDecoder,
    MultiScaleEncoderDecoder,
)

__all__ = [
    'AlignedXception',
    'BatchedTTAModel',
    'CRFTTAModel',
    'ClassifierModule',
    'DeepLabMobileNetV2',
    'DeepLabMobileNetV3',
    'DeepLabV3Head',
    'DeepLabV3PlusHead',
    'DenseCRF',
    'LargeFOVHead',
    'LeanEncoderDecoder',
    'MultiScaleEncoderDecoder',
    'ResNetMulti',
    'VGG16LargeFOV',
    'set_output_stride',
]
