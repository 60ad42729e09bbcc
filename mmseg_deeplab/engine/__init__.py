"""Training: hooks, the runner, and the optimizer's groups."""

from .architecture_search import (
    ArchitectureSearchHook,
    ArchitectureSearchOptimWrapperConstructor,
)
from .decoupled_sgdw import DecoupledSGDW
from .hooks.finite_loss import FiniteLossHook
from .hooks.fitting_weights import FittingWeightsHook
from .hooks.mean_loss import MeanLossHook
from .hooks.missed_validation import MissedValidationHook
from .hooks.named_outputs import NamedOutputsHook
from .hooks.network_speed import (
    ChannelsLastHook,
    CompileNetworkHook,
    InferenceSpeedHook,
)
from .hooks.repeated_images import RepeatedImagesHook
from .hooks.sample_visualization import SampleVisualizationHook
from .hooks.save_on_signal import SaveOnSignalHook
from .hooks.scheduled_drop_path import ScheduledDropPathHook
from .hooks.synced_statistics import SyncedStatisticsHook
from .hooks.trained_settings import TrainedSettingsHook
from .hooks.trusted_checkpoint import TrustedCheckpointHook
from .mixed_precision import MixedPrecisionOptimWrapper
from .optim_constructor import DeepLabOptimWrapperConstructor
from .resume import newest_whole_checkpoint
from .runner import ResumableRunner
from .wandb_backend import IterationWandbVisBackend

__all__ = [
    'ArchitectureSearchHook',
    'ArchitectureSearchOptimWrapperConstructor',
    'ChannelsLastHook',
    'CompileNetworkHook',
    'DecoupledSGDW',
    'DeepLabOptimWrapperConstructor',
    'FiniteLossHook',
    'FittingWeightsHook',
    'InferenceSpeedHook',
    'IterationWandbVisBackend',
    'MeanLossHook',
    'MissedValidationHook',
    'MixedPrecisionOptimWrapper',
    'NamedOutputsHook',
    'RepeatedImagesHook',
    'ResumableRunner',
    'SampleVisualizationHook',
    'SaveOnSignalHook',
    'ScheduledDropPathHook',
    'SyncedStatisticsHook',
    'TrainedSettingsHook',
    'TrustedCheckpointHook',
    'newest_whole_checkpoint',
]
