"""Weights: safe loading, and one key map per family they may come from."""

from .files import convert_file
from .loading import enable_safe_loading, load
from .pretrained import load_pretrained
from .sources import SOURCES, convert, model_config

__all__ = [
    'SOURCES',
    'convert',
    'convert_file',
    'enable_safe_loading',
    'load',
    'load_pretrained',
    'model_config',
]
