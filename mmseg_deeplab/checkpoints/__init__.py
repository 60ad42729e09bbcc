"""Weights: safe loading, and one table of names per code base they may come from."""

from .conversion import SOURCES, convert, convert_file, find_source, model_config
from .formats.caffe_file import load_caffe
from .formats.tensorflow_file import load_tensorflow
from .loading import load
from .model_zoo import ZooModel, find_models, zoo_model, zoo_models
from .pretrained import load_pretrained
from .references import (
    enable_safe_loading,
    is_model,
    local_file,
    model_files,
    published_file,
)

__all__ = [
    'SOURCES',
    'ZooModel',
    'convert',
    'convert_file',
    'enable_safe_loading',
    'find_models',
    'find_source',
    'is_model',
    'load',
    'load_caffe',
    'load_pretrained',
    'load_tensorflow',
    'local_file',
    'model_config',
    'model_files',
    'published_file',
    'zoo_model',
    'zoo_models',
]
