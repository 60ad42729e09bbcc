"""Decode heads of the DeepLab family."""

from .classifier_module import ClassifierModule
from .deeplabv3_head import DeepLabV3Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .large_fov_head import LargeFOVHead
from .resizing_heads import resizes_logits

__all__ = [
    'ClassifierModule',
    'DeepLabV3Head',
    'DeepLabV3PlusHead',
    'LargeFOVHead',
    'resizes_logits',
]
