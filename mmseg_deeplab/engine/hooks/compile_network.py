"""``torch.compile`` for the network alone."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class CompileNetworkHook(Hook):
    """Compile backbone, neck and heads, each as one graph, for the training.

    mmengine's ``compile`` takes the whole ``train_step``, in which MMSegmentation's
    loss and accuracy break the graph (``Tensor.item``, boolean masks), and which
    cannot see into the lean loss. Here loss and optimizer stay as they are. Validation
    runs uncompiled: its images may all have different sizes.

    Args:
        backend: Of :func:`torch.compile`; ``'inductor'`` needs a C++ compiler on CPUs.
        fullgraph: Whether a break in a graph is an error.
        mode: Of :func:`torch.compile`, such as ``'max-autotune'``.
    """

    def __init__(
        self,
        backend: str | Callable = 'inductor',
        fullgraph: bool = False,
        mode: str | None = None,
    ) -> None:
        self.settings = dict(backend=backend, fullgraph=fullgraph, mode=mode)

    def before_train(self, runner: Runner) -> None:
        """Set the compiled functions in; the first steps compile them."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for part in network_parts(model):
            compile_training(part, **self.settings)


def network_parts(model: nn.Module) -> Iterator[nn.Module]:
    """Yield backbone, neck and heads of a segmentor.

    Args:
        model: A segmentor of the ``EncoderDecoder`` family.
    """
    for name in ('backbone', 'neck', 'decode_head', 'auxiliary_head'):
        part = getattr(model, name, None)
        if isinstance(part, nn.ModuleList):
            yield from part
        elif part is not None:
            yield part


def compile_training(module: nn.Module, **settings: Any) -> None:
    """Let a module run compiled while it trains, and as ever while it does not.

    Args:
        module: Changed in place; heads are called by ``head.forward``, past what
            :meth:`torch.nn.Module.compile` replaces.
        **settings: Of :func:`torch.compile`.
    """
    eager = module.forward
    compiled = torch.compile(eager, **settings)

    @wraps(eager)
    def forward(*args: Any) -> Any:
        return compiled(*args) if module.training else eager(*args)

    module.forward = forward
