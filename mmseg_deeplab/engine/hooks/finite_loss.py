"""Ends a training whose loss or weights are not finite, before it saves them."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.models.segmentors.tta_models import unwrapped
from mmseg_deeplab.utils.errors import InputError

REMEDY = (
    'Remedy: a smaller learning rate (optim_wrapper.optimizer.lr), a limit of the '
    'gradients (optim_wrapper.clip_grad.max_norm), or other data (mmseg-deeplab '
    'check-data finds faults), then --resume from the last good checkpoint'
)


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """End a training with an error when its loss or its weights are nan or infinite.

    The loss may be so in some iterations: in float16 a forward pass can overflow, and
    the step is left out. (A ``GradScaler`` that leaves out steps because of infinite
    gradients is not noticed here: their loss is finite.) The weights may not: a
    checkpoint of such weights is not written, and the older ones stay. Tensors that are
    not finite when the training starts are constants of the network and do not count.
    :class:`ResumableRunner` has this hook by itself.

    Args:
        patience: The number of iterations in a row without a finite loss that ends the
            training.
    """

    priority = 'NORMAL'  # after the mean over the ranks, before the checkpoint

    def __init__(self, patience: int = 10) -> None:
        self.patience = patience
        self._bad = 0

    def before_train(self, runner: Runner) -> None:
        self._bad = 0
        self._constants = set(not_finite(unwrapped(runner.model).state_dict()))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        loss = torch.as_tensor((outputs or {}).get('loss', 0.0))
        if torch.isfinite(loss).all():
            self._bad = 0
            return
        self._bad += 1
        if self._bad == 1:
            runner.logger.warning(
                f'The loss is {loss.item()} at iteration {runner.iter + 1}. After '
                f'{self.patience} such iterations in a row the training ends.'
            )
        if self._bad >= self.patience:
            raise InputError(
                f'the loss is {loss.item()} at iteration {runner.iter + 1} and has not '
                f'been finite in {self._bad} iterations in a row: the training has '
                f'failed. {REMEDY}'
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        found = not_finite(checkpoint['state_dict'])
        if bad := [name for name in found if name not in self._constants]:
            raise InputError(
                f'{len(bad)} tensors of the model are not finite at iteration '
                f'{checkpoint["meta"]["iter"]} ({bad[0]}): no checkpoint of them is '
                f'written, and the training has failed. {REMEDY}'
            )


def not_finite(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors that hold nan or infinite values."""
    return [
        name
        for name, value in state.items()
        if isinstance(value, torch.Tensor)
        and value.is_floating_point()
        and not torch.isfinite(value).all()
    ]
