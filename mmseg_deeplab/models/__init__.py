"""Networks: what the papers have and the host has not."""

from .backbones import ResNetMulti
from .decode_heads import ClassifierModule

__all__ = ['ClassifierModule', 'ResNetMulti']
