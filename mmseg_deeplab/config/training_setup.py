"""Prepare a config for a training."""

import torch
from mmengine.config import Config, ConfigDict

from mmseg_deeplab.models import set_output_stride

from .config_checks import check_checkpoint, check_class_weights, check_data
from .runner_setup import prepare_device


def prepare_training(
    cfg: Config,
    *,
    resume: bool = False,
    resume_from: str | None = None,
    amp: bool = False,
    output_stride: int | None = None,
) -> None:
    """Prepare a config for training.

    Args:
        cfg: Changed in place.
        resume: Go on from the newest whole checkpoint of the work folder; if there is
            none, start as configured, ``load_from`` included.
        resume_from: With ``resume``, go on from this file instead.
        amp: Mixed precision.
        output_stride: Train at another output stride than the config's.
    """
    cfg.resume = resume
    if resume and not resume_from:
        cfg.resume = 'auto'  # see ResumableRunner
    elif resume:
        cfg.load_from = resume_from
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    if cfg.get('load_from'):
        check_checkpoint(cfg.load_from)
    check_class_weights(cfg.model)
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    if amp:
        enable_amp(cfg)
    prepare_device(cfg)


def enable_amp(cfg: Config) -> None:
    """Use mmengine's ``AmpOptimWrapper`` with dynamic loss scaling."""
    if not torch.cuda.is_available():
        raise ValueError('--amp needs a GPU and none is visible; leave it out')
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper in ('AmpOptimWrapper', 'MixedPrecisionOptimWrapper'):
        return
    if wrapper != 'OptimWrapper':
        raise ValueError(
            f"--amp replaces optim_wrapper.type 'OptimWrapper', got {wrapper!r}; set "
            'mixed precision in the config instead'
        )
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
