"""Builders and the logic behind the tools."""

from .deeplab_v2 import DeepLabV2, get_deeplab_v2
from .deeplab_v3 import DeepLabV3, deeplabv3

__all__ = ['DeepLabV2', 'DeepLabV3', 'deeplabv3', 'get_deeplab_v2']
