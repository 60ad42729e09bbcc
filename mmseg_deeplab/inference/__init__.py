"""Prediction with a config and its checkpoint, or with an exported file."""

from importlib import import_module
from typing import Any

from mmseg_deeplab.utils.errors import DeviceError

from .file_run import RunOptions
from .images import read_image
from .input_files import read_list
from .model_source import load_predictor, split_models, take_model
from .output_files import FileOutputs
from .overlay import overlay, paint
from .predict_files import Outcome, predict_files, world
from .predictor import ModelSource, Prediction, Predictor
from .raster import predict_raster
from .video import predict_video

__all__ = [
    'DeepLabInferencer',
    'DeviceError',
    'FileOutputs',
    'ModelSource',
    'NetworkPredictor',
    'Outcome',
    'Prediction',
    'Predictor',
    'RunOptions',
    'load_predictor',
    'overlay',
    'paint',
    'predict_files',
    'predict_raster',
    'predict_video',
    'read_image',
    'read_list',
    'split_models',
    'take_model',
    'world',
]


# Imported when they are asked for: they need the models.
LAZY = dict(DeepLabInferencer='deeplab_inferencer', NetworkPredictor='network')


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(import_module(f'.{LAZY[name]}', __name__), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
