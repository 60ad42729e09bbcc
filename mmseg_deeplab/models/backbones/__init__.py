"""Backbones of the DeepLab family."""

from .resnet_multi import ResNetMulti

__all__ = ['ResNetMulti']
