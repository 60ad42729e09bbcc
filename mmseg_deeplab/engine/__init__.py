"""Training: hooks, the runner, and the optimizer's groups."""

from .files import AtomicLocalBackend
from .hooks import (
    MeanLossHook,
    MissedValidationHook,
    SampleVisualizationHook,
    SaveOnSignalHook,
    TrustedCheckpointHook,
)
from .optim_constructor import DeepLabOptimWrapperConstructor
from .resume import newest_whole_checkpoint
from .runner import ResumableRunner

__all__ = [
    'AtomicLocalBackend',
    'DeepLabOptimWrapperConstructor',
    'MeanLossHook',
    'MissedValidationHook',
    'ResumableRunner',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'TrustedCheckpointHook',
    'newest_whole_checkpoint',
]
