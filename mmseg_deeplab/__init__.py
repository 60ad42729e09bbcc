"""mmseg_deeplab: the DeepLab family as an MMSegmentation plugin.

Importing the package makes MMSegmentation's registries find every model, data set,
metric and hook of it, and mmengine's loader refuse checkpoints that would run code; see
:mod:`mmseg_deeplab.registration`.
"""

from importlib import import_module
from typing import Any

from .registration import register
from .version import __version__

LAYERS = (
    'checkpoints', 'config', 'crf_tuning', 'datasets', 'engine', 'evaluation', 'export',
    'hub', 'inference', 'models', 'ops', 'utils', 'visualization', 'web_demo',
)  # fmt: skip
HOMES = dict(DeepLabInferencer='inference', deeplabv3='hub', get_deeplab_v2='hub')

__all__ = ['DeepLabInferencer', '__version__', 'deeplabv3', 'get_deeplab_v2']

register()


def __getattr__(name: str) -> Any:
    """Import a part of the package when it is asked for."""
    if name in HOMES:
        return getattr(import_module(f'{__name__}.{HOMES[name]}'), name)
    if name in LAYERS:
        return import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
