"""All processes have the same statistics of BatchNorm."""

from collections.abc import Iterator
from typing import Any

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class SyncedStatisticsHook(Hook):
    """Average the running statistics of plain BatchNorm over the processes.

    Each process of a distributed training normalises over its own batch, so that the
    running means and variances differ between them. A validation would then depend on
    how many processes share it, and a checkpoint has those of the first process. They
    are moving averages, so that a mean taken after every iteration equals one taken
    after many, and a checkpoint at any iteration has what is validated there. Batches
    are normalised as before; frozen layers and a training by one process cost nothing.

    mmengine's ``SyncBuffersHook`` is not used: it works at a validation alone, after
    the checkpoint of that iteration is saved, and averages all buffers, counters and
    the constants of a preprocessor among them.
    """

    priority = 'ABOVE_NORMAL'  # before the averages of EMAHook, and checkpoints

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        if runner.distributed and (found := list(running_statistics(runner.model))):
            all_reduce_params(found, op='mean')


def running_statistics(model: nn.Module) -> Iterator[Tensor]:
    """Yield the running means and variances that a training changes."""
    for module in model.modules():
        if (
            isinstance(module, _BatchNorm)
            and not isinstance(module, nn.SyncBatchNorm)
            and module.training
            and module.running_mean is not None
        ):
            yield from (module.running_mean, module.running_var)
