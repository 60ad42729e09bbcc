"""How long a training step and a validation take on this machine, and their memory."""

import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_deeplab.engine import ResumableRunner
from mmseg_deeplab.utils.core_count import core_count
from mmseg_deeplab.utils.freed_memory import keep_freed_memory

STEPS = 3  # measured ones, after one that is not
FREE_SHARE = 0.5  # of the memory of a machine, which runs other programs
FREE_SHARE_GPU = 0.8  # of the free memory; the rest is for fragments
MAXRSS_UNIT = 1 if sys.platform == 'darwin' else 1024  # bytes, getrusage(2)


@dataclass(frozen=True)
class Machine:
    """What a training may use."""

    cores: int
    memory: float  # bytes, of the GPU if there is one
    gpu: str = ''  # its name

    def __str__(self) -> str:
        memory = f'{self.memory / 2**30:.0f} GiB'
        return f'{self.gpu or f"{self.cores} cores, no GPU"}, {memory} to use'


def this_machine() -> Machine:
    """Return what this process may use of the machine."""
    cores = core_count()
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        return Machine(cores, FREE_SHARE_GPU * free, name)
    pages = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    return Machine(cores, FREE_SHARE * pages)


@dataclass(frozen=True)
class Timing:
    """What a config costs on this machine."""

    step_s: float  # of a training step, loading included
    image_s: float  # of one image of the validation
    bytes_per_pixel: float  # peak memory over the pixels of a batch


def time_config(cfg: Config, cores: int) -> Timing:
    """Run a few training steps and one step of the validation of a config.

    The network starts from random weights, which take as long as others.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    device = get_device()
    if device == 'cpu':
        keep_freed_memory()  # as a training does
    model = revert_sync_batchnorm(MODELS.build(cfg.model)).to(device)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    batches = iter(ResumableRunner.build_dataloader(cfg.train_dataloader, seed=0))
    before = _peak_memory(device)
    loading, steps = [], []
    model.train()
    for _ in range(STEPS + 1):
        batch, seconds = _timed(lambda: next(batches), device)
        loading.append(seconds)
        _, seconds = _timed(lambda: model.train_step(batch, optimizer), device)  # noqa: B023
        steps.append(seconds)
    pixels = cfg.train_dataloader.batch_size * cfg.crop_size[0] * cfg.crop_size[1]
    memory = _peak_memory(device) - before
    model.eval()
    images = iter(ResumableRunner.build_dataloader(cfg.val_dataloader, seed=0))
    with torch.no_grad():
        _, image_s = _timed(lambda: model.val_step(next(images)), device)
    return Timing(
        step_s=median(steps[1:]) + median(loading) / cores,
        image_s=image_s,
        bytes_per_pixel=memory / pixels,
    )


def _timed(function: Callable, device: str) -> tuple[object, float]:
    start = time.perf_counter()
    result = function()
    if device == 'cuda':
        torch.cuda.synchronize()
    return result, time.perf_counter() - start


def _peak_memory(device: str) -> float:
    if device == 'cuda':
        return float(torch.cuda.max_memory_allocated())
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT)
