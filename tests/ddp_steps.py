"""What processes of tests run that are spawned, hence a module."""

from typing import Any

import pytest
import torch
import torch.distributed as dist
from mmengine.evaluator import BaseMetric
from mmseg.utils import register_all_modules
from small_segmentor import small_segmentor
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import mmseg_deeplab  # noqa: F401


def steps(rank: int, store: str) -> None:
    """Run two steps of one of two processes, without and with an unused parameter."""
    register_all_modules()
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{store}', rank=rank, world_size=2)
    network = small_segmentor('EncoderDecoder', num_classes=3)
    network.train()
    run_two_steps(network)
    network.decode_head.unused = nn.Conv2d(1, 1, 1)
    with pytest.raises(RuntimeError, match='find_unused_parameters'):
        run_two_steps(network)
    dist.destroy_process_group()


def run_two_steps(network: nn.Module) -> None:
    """Run two steps; a parameter without a gradient stops the second."""
    model = DistributedDataParallel(network, find_unused_parameters=False)
    for _ in range(2):
        model(torch.randn(2, 3, 33, 33), mode='tensor').sum().backward()


def evaluate(
    rank: int, store: str, metric: BaseMetric, shares: tuple, size: int, results: Any
) -> None:
    """Evaluate the share of one of two processes, and return what it reports."""
    dist.init_process_group('gloo', f'file://{store}', rank=rank, world_size=2)
    metric.process({}, shares[rank])
    results.put((metric.evaluate(size), metric.report))
    dist.destroy_process_group()
