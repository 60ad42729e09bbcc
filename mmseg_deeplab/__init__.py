"""mmseg_deeplab: the DeepLab family as an MMSegmentation plugin.

Importing the package registers every model, data set, metric and hook.
"""

from typing import Any

from . import datasets, engine, evaluation, models
from .hub import deeplabv3, get_deeplab_v2
from .version import __version__

__all__ = [
    'DeepLabInferencer',
    '__version__',
    'datasets',
    'deeplabv3',
    'engine',
    'evaluation',
    'get_deeplab_v2',
    'models',
]


def __getattr__(name: str) -> Any:
    """Import the inferencer, and with it the launch code, when it is asked for."""
    if name == 'DeepLabInferencer':
        from .inference import DeepLabInferencer

        return DeepLabInferencer
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
