"""Training: hooks, the runner, and the optimizer's groups."""

from mmseg_deeplab.utils.atomic_files import AtomicLocalBackend

from .decoupled_sgdw import DecoupledSGDW
from .hooks import (
    ChannelsLastHook,
    CompileNetworkHook,
    FittingWeightsHook,
    InferenceSpeedHook,
    MeanLossHook,
    MissedValidationHook,
    SampleVisualizationHook,
    SaveOnSignalHook,
    TrustedCheckpointHook,
)
from .mixed_precision import MixedPrecisionOptimWrapper
from .optim_constructor import DeepLabOptimWrapperConstructor
from .resume import newest_whole_checkpoint
from .runner import ResumableRunner
from .wandb_backend import IterationWandbVisBackend

__all__ = [
    'AtomicLocalBackend',
    'ChannelsLastHook',
    'CompileNetworkHook',
    'DecoupledSGDW',
    'DeepLabOptimWrapperConstructor',
    'FittingWeightsHook',
    'InferenceSpeedHook',
    'IterationWandbVisBackend',
    'MeanLossHook',
    'MissedValidationHook',
    'MixedPrecisionOptimWrapper',
    'ResumableRunner',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'TrustedCheckpointHook',
    'newest_whole_checkpoint',
]
