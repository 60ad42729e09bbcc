"""The loss of the whole batch in the log instead of that of the first rank."""

from typing import Any

import torch
from mmengine.dist import all_reduce_dict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class MeanLossHook(Hook):
    """Log each loss as the mean over all ranks.

    mmengine logs the loss of rank 0, so that the curve of a distributed training
    depends on how the batch was split. This takes one all-reduce per iteration of the
    few numbers that the step returns; the gradients are not affected. Outside
    distributed trainings the hook does nothing.
    """

    priority = 'HIGHEST'  # before RuntimeInfoHook takes the numbers for the log

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        if not runner.distributed or not outputs:
            return
        scalars = {
            name: value.detach().float().reshape(1).clone()
            for name, value in outputs.items()
            if isinstance(value, torch.Tensor) and value.numel() == 1
        }
        if scalars:
            all_reduce_dict(scalars, op='mean')
            outputs.update({name: value[0] for name, value in scalars.items()})
