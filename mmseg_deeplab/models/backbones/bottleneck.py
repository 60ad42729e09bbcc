"""Bottleneck whose activation checkpointing leaves the statistics alone."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from mmseg.models.backbones.resnet import Bottleneck as HostBottleneck
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let BatchNorm normalise by the batch without touching its running statistics."""
    norms = [m for m in module.modules() if isinstance(m, _BatchNorm)]
    kept = [(m, m.momentum, m.num_batches_tracked) for m in norms]
    for norm, _, tracked in kept:
        norm.momentum = 0.0
        norm.num_batches_tracked = None if tracked is None else tracked.clone()
    try:
        yield
    finally:
        for norm, momentum, tracked in kept:
            norm.momentum, norm.num_batches_tracked = momentum, tracked


class Bottleneck(HostBottleneck):
    """MMSeg's bottleneck; with ``with_cp`` a step updates BatchNorm once, not twice.

    The host recomputes the block in the backward pass with BatchNorm in training
    mode, so that the running statistics move twice per step.

    Args:
        with_cp: Recompute the block in the backward pass instead of storing it.
    """

    def __init__(self, *args, with_cp: bool = False, **kwargs) -> None:
        super().__init__(*args, with_cp=False, **kwargs)
        self.recompute = with_cp

    def forward(self, x: Tensor) -> Tensor:
        if not (self.recompute and torch.is_grad_enabled()):
            return super().forward(x)
        return checkpoint(
            super().forward, x, use_reentrant=False, context_fn=self._contexts
        )

    def _contexts(self) -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), frozen_statistics(self)
