"""Hooks: trusted checkpoints, an orderly stop, the log, the pictures, speed."""

from .channels_last import ChannelsLastHook
from .checkpoint import TrustedCheckpointHook
from .compile_network import CompileNetworkHook
from .fitting_weights import FittingWeightsHook
from .inference_speed import InferenceSpeedHook
from .mean_loss import MeanLossHook
from .missed_validation import MissedValidationHook
from .save_on_signal import SaveOnSignalHook
from .visualization import SampleVisualizationHook

__all__ = [
    'ChannelsLastHook',
    'CompileNetworkHook',
    'FittingWeightsHook',
    'InferenceSpeedHook',
    'MeanLossHook',
    'MissedValidationHook',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'TrustedCheckpointHook',
]
