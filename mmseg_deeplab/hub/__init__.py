"""Names: the builders for plain PyTorch code, and publishing."""

from importlib import import_module
from typing import Any

from .deeplab_v2 import DeepLabV2, get_deeplab_v2
from .deeplab_v3 import DeepLabV3, deeplabv3

__all__ = [
    'DeepLabV2',
    'DeepLabV3',
    'Published',
    'deeplabv3',
    'get_deeplab_v2',
    'publish',
    'push',
]

LAZY = dict(Published='publishing', publish='publishing', push='pushing')


def __getattr__(name: str) -> Any:
    """Import what publishes when it is asked for."""
    if name in LAZY:
        return getattr(import_module(f'.{LAZY[name]}', __name__), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
