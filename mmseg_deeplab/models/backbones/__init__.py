"""Backbones of the DeepLab family."""

from .aligned_xception import AlignedXception, JFZhang95Xception
from .mobilenet_v2 import DeepLabMobileNetV2, VainFMobileNetV2
from .mobilenet_v3 import DeepLabMobileNetV3
from .resnet_multi import ResNetMulti
from .vgg16_large_fov import VGG16LargeFOV

__all__ = [
    'AlignedXception',
    'DeepLabMobileNetV2',
    'DeepLabMobileNetV3',
    'JFZhang95Xception',
    'ResNetMulti',
    'VGG16LargeFOV',
    'VainFMobileNetV2',
]
