"""Hooks: trusted checkpoints, an orderly stop, the log, the pictures."""

from .checkpoint import TrustedCheckpointHook
from .fitting_weights import FittingWeightsHook
from .mean_loss import MeanLossHook
from .missed_validation import MissedValidationHook
from .save_on_signal import SaveOnSignalHook
from .visualization import SampleVisualizationHook

__all__ = [
    'FittingWeightsHook',
    'MeanLossHook',
    'MissedValidationHook',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'TrustedCheckpointHook',
]
