"""Hooks that make a network faster and keep its results."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.models.segmentors.tta_models import unwrapped

CACHE_LINE = 16  # channels whose float32 sums fill a cache line


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Run the network in torch's ``channels_last`` memory format.

    The convolutions of oneDNN (CPU) and of tensor cores (GPU, mixed precision) work in
    this format, and otherwise convert to it and back. Converting the weights is enough:
    a convolution with such weights gives its output in the same format. Shapes,
    values up to rounding, and checkpoints stay the same. The same seed gives other
    random initial weights, because they are drawn in memory order.

    On a CPU, BatchNorm of fewer than 16 channels is trained in the default format. In
    channels_last, two of torch's threads then keep their sums in one cache line, which
    slows both down: a backward pass took up to 40 times as long.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def before_run(self, runner: Runner) -> None:
        runner.model.to(memory_format=torch.channels_last)
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm) and module.num_features < CACHE_LINE:
                module.register_forward_pre_hook(_to_default_format)
                module.register_forward_hook(_to_channels_last)
        if isinstance(runner.model, nn.parallel.DistributedDataParallel):
            # It takes gradients in the format that the weights had when it was made.
            settings = runner.cfg.get('model_wrapper_cfg')
            runner.model = runner.wrap_model(settings, runner.model.module)


def _to_default_format(bn: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
    return (inputs[0].contiguous(),) if _shares_cache_lines(bn, inputs) else None


def _to_channels_last(
    bn: nn.Module, inputs: tuple[Tensor], output: Tensor
) -> Tensor | None:
    if not _shares_cache_lines(bn, inputs):
        return None
    return output.contiguous(memory_format=torch.channels_last)


def _shares_cache_lines(bn: nn.Module, inputs: tuple[Tensor]) -> bool:
    x = inputs[0]
    return bn.training and x.dim() == 4 and x.device.type == 'cpu'


@HOOKS.register_module()
class CompileNetworkHook(Hook):
    """Compile backbone, neck and heads, each as one graph, for the training.

    mmengine's ``compile`` takes the whole ``train_step``, in which MMSegmentation's
    loss and accuracy break the graph (``Tensor.item``, boolean masks). Here loss and
    optimizer stay as they are. Validation runs uncompiled, as its images may all have
    different sizes.

    Args:
        backend: See :func:`torch.compile`; ``'inductor'`` needs a C++ compiler on CPUs.
        fullgraph: Whether a break in a graph is an error.
    """

    def __init__(
        self, backend: str | Callable = 'inductor', fullgraph: bool = False
    ) -> None:
        self.settings = dict(backend=backend, fullgraph=fullgraph)

    def before_train(self, runner: Runner) -> None:
        for part in network_parts(unwrapped(runner.model)):
            compile_training(part, **self.settings)


@HOOKS.register_module()
class InferenceSpeedHook(Hook):
    """Apply :func:`prepare_for_inference` when a test begins, after loading weights.

    It is only for runs that test and do nothing afterwards: a network with folded
    BatchNorm can no longer be trained or saved. Validation in a training is unaffected.

    Args:
        fold_bn: Multiply BatchNorm into the convolutions.
        channels_last: Memory format of weights and feature maps.
        bfloat16: Compute in bfloat16, the only one that changes predictions.
        compile: Use ``torch.compile``.
    """

    priority = 'VERY_LOW'  # after EMAHook has put the average in

    def __init__(
        self,
        fold_bn: bool = True,
        channels_last: bool = True,
        bfloat16: bool = False,
        compile: bool = False,
    ) -> None:
        self.settings = dict(
            fold_bn=fold_bn,
            channels_last=channels_last,
            bfloat16=bfloat16,
            compile=compile,
        )

    def before_test(self, runner: Runner) -> None:
        prepare_for_inference(unwrapped(runner.model), **self.settings)


def network_parts(model: nn.Module) -> Iterator[nn.Module]:
    """Yield backbone, neck and heads of a segmentor."""
    for name in ('backbone', 'neck', 'decode_head', 'auxiliary_head'):
        part = getattr(model, name, None)
        if isinstance(part, nn.ModuleList):
            yield from part
        elif part is not None:
            yield part


def compile_training(module: nn.Module, **settings: Any) -> None:
    """Let a module run compiled in training mode only, by :func:`torch.compile`.

    Heads are called by ``head.forward``, which :meth:`torch.nn.Module.compile` leaves
    out.
    """
    eager = module.forward
    compiled = torch.compile(eager, **settings)

    @wraps(eager)
    def forward(*args: Any) -> Any:
        return compiled(*args) if module.training else eager(*args)

    module.forward = forward
