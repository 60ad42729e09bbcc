"""Weights: safe loading, and one table of names per code base they may come from."""

from .conversion import SOURCES, convert, convert_file, model_config
from .formats.caffe_file import load_caffe
from .formats.tensorflow_file import load_tensorflow
from .loading import enable_safe_loading, load
from .pretrained import load_pretrained

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
