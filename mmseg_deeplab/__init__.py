"""mmseg_deeplab: the DeepLab family as an MMSegmentation plugin.

Importing the package registers every model, data set, metric and hook.
"""

from . import datasets, engine, evaluation, models
from .apis import get_deeplab_v2
from .version import __version__

__all__ = [
    '__version__',
    'datasets',
    'engine',
    'evaluation',
    'get_deeplab_v2',
    'models',
]
