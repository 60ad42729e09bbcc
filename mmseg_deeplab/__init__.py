"""mmseg_deeplab: the DeepLab family as an MMSegmentation plugin.

Importing the package registers every model, data set, metric and hook.
"""

from . import datasets, engine, evaluation, models
from .apis import deeplabv3, get_deeplab_v2
from .version import __version__

__all__ = [
    '__version__',
    'datasets',
    'deeplabv3',
    'engine',
    'evaluation',
    'get_deeplab_v2',
    'models',
]
