"""Prediction: with a config and its checkpoint, or with an exported file."""

from typing import Any

from .file_outputs import FileOutputs
from .images import read_image
from .inputs import read_list
from .model_source import ModelSource, split_models, take_model
from .overlay import overlay
from .predict_files import RUN_VARIABLE, Outcome, predict_files
from .prediction import Prediction
from .predictor import Predictor, load_predictor
from .raster import predict_raster
from .run_options import RunOptions
from .video import predict_video

__all__ = [
    'RUN_VARIABLE',
    'DeepLabInferencer',
    'FileOutputs',
    'ModelSource',
    'NetworkPredictor',
    'Outcome',
    'Prediction',
    'Predictor',
    'RunOptions',
    'load_predictor',
    'overlay',
    'predict_files',
    'predict_raster',
    'predict_video',
    'read_image',
    'read_list',
    'split_models',
    'take_model',
]


def __getattr__(name: str) -> Any:
    """Import what needs the host's inferencer when it is asked for."""
    if name == 'DeepLabInferencer':
        from .deeplab_inferencer import DeepLabInferencer

        return DeepLabInferencer
    if name == 'NetworkPredictor':
        from .network import NetworkPredictor

        return NetworkPredictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
