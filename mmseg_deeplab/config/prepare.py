"""All that a training or a test needs of this package."""

import os
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from .config_checks import check_checkpoint, check_class_weights, check_data
from .config_file import read_config
from .crf_settings import load_crf
from .prediction_options import enable_crf, enable_tta, take_lean_segmentor
from .runner_setup import build_runner, prepare_device, replace_sync_bn
from .testing_setup import paint_predictions, prepare_testing, write_predictions
from .training_setup import enable_amp, prepare_training

__all__ = [
    'build_runner',
    'check_checkpoint',
    'check_class_weights',
    'check_data',
    'enable_amp',
    'enable_crf',
    'enable_tta',
    'load_config',
    'load_crf',
    'paint_predictions',
    'prepare_device',
    'prepare_testing',
    'prepare_training',
    'replace_sync_bn',
    'take_lean_segmentor',
    'write_predictions',
]


def load_config(
    config: str,
    *,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = 'none',
    local_rank: int = 0,
    mixins: Sequence[str] = (),
) -> Config:
    """Call :func:`read_config`; the local rank is set for older launchers."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    return read_config(
        config, cfg_options, mixins=mixins, work_dir=work_dir, launcher=launcher
    )
