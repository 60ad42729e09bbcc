"""Hooks: trusted checkpoints, an orderly stop, the log, the pictures."""

from .checkpoint import TrustedCheckpointHook
from .mean_loss import MeanLossHook
from .missed_validation import MissedValidationHook
from .save_on_signal import SaveOnSignalHook
from .visualization import SampleVisualizationHook

__all__ = [
    'MeanLossHook',
    'MissedValidationHook',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'TrustedCheckpointHook',
]
