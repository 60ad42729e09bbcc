"""Prepare a config for training or testing on this machine, and build its runner."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import is_distributed, master_only
from mmengine.runner import Runner
from mmseg.registry import RUNNERS

from mmseg_deeplab.engine import ResumableRunner
from mmseg_deeplab.engine.distributed import (
    init_cpu_process_group,
    require_one_gpu_each,
)
from mmseg_deeplab.models import set_output_stride
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.freed_memory import keep_freed_memory

from .config_checks import (
    check_checkpoint,
    check_classes,
    check_data,
    check_loop,
    prepare_class_weights,
)
from .config_errors import FirstTimeHook, blames_config, config_errors
from .crop_checks import warn_of_small_crops
from .image_channels import check_channels
from .option_check import named_dicts, refuse_misspelt_names
from .prediction_options import apply_prediction_options
from .scan_config import check_first_labels, dataset_configs
from .unlabelled_test import leave_labels_out


@blames_config
def prepare_training(
    cfg: Config,
    *,
    resume: bool = False,
    resume_from: str | None = None,
    amp: bool = False,
    output_stride: int | None = None,
) -> None:
    """Prepare a config for training, in place.

    ``resume``, also of the config, goes on from the newest whole checkpoint of the work
    folder, if there is one, or from the file ``resume_from``.
    """
    refuse_misspelt_names(cfg)
    cfg.resume = resume = resume or bool(cfg.get('resume'))
    if resume and not resume_from:
        cfg.resume = 'auto'  # see ResumableRunner
    elif resume:
        cfg.load_from = resume_from
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    check_loop(cfg)
    classes = check_classes(cfg, 'train', 'val')
    check_channels(cfg)
    check_first_labels(cfg)
    if cfg.get('load_from'):
        check_checkpoint(cfg.load_from)
    prepare_class_weights(cfg.model, classes)
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    warn_of_small_crops(cfg)
    if amp:
        enable_amp(cfg)
    prepare_device(cfg)


def enable_amp(cfg: Config) -> None:
    """Use mmengine's ``AmpOptimWrapper`` with dynamic loss scaling."""
    if not torch.cuda.is_available():
        raise InputError('--amp needs a GPU and none is visible; leave it out')
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper in ('AmpOptimWrapper', 'MixedPrecisionOptimWrapper'):
        return
    if wrapper != 'OptimWrapper':
        raise InputError(
            f"--amp replaces optim_wrapper.type 'OptimWrapper', got {wrapper!r}; set "
            'mixed precision in the config instead'
        )
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')


@blames_config
def prepare_testing(
    cfg: Config,
    checkpoint: str,
    *,
    out: str | None = None,
    format_only: bool = False,
    ids: str | None = None,
    show: bool = False,
    show_dir: str | None = None,
    wait_time: float = 2.0,
    crf: str | bool | None = None,
    msc: bool = False,
    fast: bool = False,
    tta: bool = False,
    output_stride: int | None = None,
) -> None:
    """Prepare a config for testing, in place.

    ``out`` is a folder for the predicted masks; with ``format_only`` they are all that
    is made, and no label is read. ``ids`` is that of :class:`SegmentationMetric`.
    ``show_dir`` is a folder for images with the predictions painted over them. ``show``
    opens a window for ``wait_time`` seconds. The other arguments are those of
    :func:`apply_prediction_options`.
    """
    refuse_misspelt_names(cfg)
    check_checkpoint(checkpoint)
    if out is not None:
        write_predictions(cfg, out, format_only=format_only, ids=ids)
    elif format_only or ids:
        raise InputError(
            '--format-only and --ids are about written masks. Remedy: give --out FOLDER'
        )
    if format_only:
        leave_labels_out(cfg)
    check_data(cfg, 'test_dataloader')
    check_classes(cfg, 'test')
    check_channels(cfg)
    cfg.load_from = checkpoint
    cfg.resume = False
    if show or show_dir:
        paint_predictions(cfg, show=show, show_dir=show_dir, wait_time=wait_time)
    apply_prediction_options(
        cfg, crf=crf, msc=msc, fast=fast, tta=tta, output_stride=output_stride
    )
    prepare_device(cfg)


def write_predictions(
    cfg: Config, folder: str, *, format_only: bool = False, ids: str | None = None
) -> None:
    """Let the metric write the predicted masks, or do nothing else."""
    if any(leaf.get('raster_window') for leaf in dataset_configs(cfg.test_dataloader)):
        raise InputError(
            '--out would write one mask for all windows of a raster (raster_window). '
            'Remedy: mmseg-deeplab predict, or raster_window=None'
        )
    evaluator = cfg.get('test_evaluator')
    if isinstance(evaluator, list | tuple) and len(evaluator) == 1:
        evaluator = evaluator[0]
    if not isinstance(evaluator, dict):
        raise InputError(f'--out needs one test_evaluator, the config has {evaluator}')
    evaluator.update(output_dir=folder, keep_results=True)
    if format_only:
        evaluator['format_only'] = True
    if ids:
        evaluator['ids'] = ids


def paint_predictions(
    cfg: Config, *, show: bool, show_dir: str | None, wait_time: float
) -> None:
    """Let the visualization hook paint the predictions over the images."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise InputError(
            '--show and --show-dir need default_hooks.visualization in the config, '
            "such as dict(type='SampleVisualizationHook')"
        )
    hook['draw'] = True
    if show:
        hook.update(show=True, wait_time=wait_time)
    if show_dir:
        cfg.visualizer['save_dir'] = show_dir


def build_runner(cfg: Config) -> Runner:
    """Build the runner: the config's ``runner_type``, else :class:`ResumableRunner`."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return ResumableRunner.from_cfg(cfg)


def train(cfg: Config) -> None:
    """Train. What fails before it has worked once is a mistake in the config."""
    if get_device() == 'cpu':
        keep_freed_memory()
    with new_run(cfg) as runner:
        runner.train()


def test(cfg: Config) -> None:
    """Evaluate the checkpoint ``cfg.load_from`` on the test split."""
    with new_run(cfg) as runner:
        runner.test()


@contextmanager
def new_run(cfg: Config) -> Iterator[Runner]:
    """Build the runner; until a part of its run has worked, name the config's place."""
    first = FirstTimeHook()
    with config_errors(cfg, is_new=first.is_new):
        runner = build_runner(cfg)
        runner.register_hook(first)
        yield runner


def prepare_device(cfg: Config) -> None:
    """Adapt a config to the machine.

    Without a GPU, a distributed run uses gloo instead of nccl, and plain batch
    normalisation instead of the synchronised one, which torch has for GPUs only.
    """
    if cfg.launcher == 'none':
        return
    if torch.cuda.is_available():
        require_one_gpu_each(cfg.launcher)
        return
    cfg.merge_from_dict({'env_cfg.dist_cfg': {'backend': 'gloo'}})
    if not is_distributed():
        init_cpu_process_group(cfg.launcher)
    converts = cfg.pop('sync_bn', None) is not None
    if replace_sync_bn(cfg.model) or converts:
        _say('SyncBN needs GPUs: each process normalises over its own batch (BN).')
    cfg.setdefault(
        'model_wrapper_cfg',
        ConfigDict(
            type='MMDistributedDataParallel',
            device_ids=None,  # mmengine's default is a GPU
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )


def replace_sync_bn(node: Any) -> bool:
    """Replace ``type='SyncBN'`` by ``'BN'`` at any depth; say whether there was any."""
    found = [part for _, part in named_dicts(node) if part.get('type') == 'SyncBN']
    for part in found:
        part['type'] = 'BN'
    return bool(found)


@master_only
def _say(message: str) -> None:
    print(message, file=sys.stderr)
