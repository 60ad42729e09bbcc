"""Activation checkpointing that leaves BatchNorm's statistics alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

Output = TypeVar('Output')


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let BatchNorm normalise by the batch without changing its running statistics."""
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


def recompute(
    module: nn.Module, function: Callable[[Tensor], Output], x: Tensor, *, when: bool
) -> Output:
    """Return ``function(x)``; with ``when`` recompute its activations in ``backward``.

    MMSegmentation lets the running statistics move twice in each step; here once.
    """
    if not (when and torch.is_grad_enabled()):
        return function(x)
    return checkpoint(
        function,
        x,
        use_reentrant=False,
        context_fn=lambda: (nullcontext(), frozen_statistics(module)),
    )
