"""Adapt a config to the machine, and build its runner."""

import sys
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.dist import is_distributed, master_only
from mmengine.runner import Runner
from mmseg.registry import RUNNERS

from mmseg_deeplab.engine import ResumableRunner
from mmseg_deeplab.engine.distributed import (
    init_cpu_process_group,
    require_one_gpu_each,
)


def build_runner(cfg: Config) -> Runner:
    """Build the runner: the config's ``runner_type``, else :class:`ResumableRunner`."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return ResumableRunner.from_cfg(cfg)


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
    if isinstance(node, list | tuple):
        return sum(map(replace_sync_bn, node)) > 0
    if not isinstance(node, dict):
        return False
    own = node.get('type') == 'SyncBN'
    if own:
        node['type'] = 'BN'
    return own + sum(map(replace_sync_bn, node.values())) > 0


@master_only
def _say(message: str) -> None:
    print(message, file=sys.stderr)
