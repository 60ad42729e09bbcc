"""Weights: safe loading, and one key map per family they may come from."""

from .convert_file import convert_file
from .formats.caffe_file import load_caffe
from .formats.tensorflow_file import load_tensorflow
from .loading import enable_safe_loading, load
from .pretrained import load_pretrained
from .sources import SOURCES, convert, model_config

__all__ = [
    'SOURCES',
    'convert',
    'convert_file',
    'enable_safe_loading',
    'load',
    'load_caffe',
    'load_pretrained',
    'load_tensorflow',
    'model_config',
]
