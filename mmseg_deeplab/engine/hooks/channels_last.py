"""Feature maps whose channels lie next to each other in memory."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Run the network in torch's ``channels_last`` memory format.

    Convolutions of oneDNN (CPU) and of tensor cores (GPU, with mixed precision) work
    in this format and otherwise convert to it and back. A convolution whose weight has
    it gives its output in it, so that the weights alone are converted; images follow
    in the first layer. Shapes, values up to rounding, and checkpoints stay the same.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def before_run(self, runner: Runner) -> None:
        """Convert the weights in place; the optimizer keeps its tensors."""
        runner.model.to(memory_format=torch.channels_last)
