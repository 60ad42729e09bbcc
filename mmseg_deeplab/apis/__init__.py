"""Builders and the logic behind the tools."""

from .deeplab_v2 import DeepLabV2, get_deeplab_v2

__all__ = ['DeepLabV2', 'get_deeplab_v2']
