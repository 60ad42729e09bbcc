"""SGD whose weight decay does not depend on the learning rate."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from mmseg.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import SGD
from torch.optim.sgd import sgd

from mmseg_deeplab.utils.errors import InputError

HIGH_DECAY = 1e-3  # Composer warns from here on: each step takes this share


@OPTIMIZERS.register_module()
class DecoupledSGDW(SGD):
    """SGD with momentum and decoupled weight decay.

    `Decoupled Weight Decay Regularization <https://arxiv.org/abs/1711.05101>`_,
    algorithm 1, with the learning rate's schedule as the schedule multiplier. For a
    weight ``w`` with gradient ``g`` and buffer ``b``, which starts as ``g``::

        b <- momentum * b + (1 - dampening) * g
        w <- (1 - weight_decay * lr / initial_lr) * w - lr * b

    MosaicML's Composer has the same. :class:`torch.optim.SGD` adds the decay to the
    gradient instead, so that momentum and learning rate act on it: a decay of 2e-5
    here is about as strong as 2e-4 there at a rate of 0.01 and a momentum of 0.9.

    ``initial_lr`` is the ``lr`` of a group when it is added. It is in the state dict
    (schedulers use the same entry), so that a resumed training keeps its decay.

    The arguments are those of :class:`torch.optim.SGD`, except for ``weight_decay``:
    the share that a weight loses in each step at the initial learning rate. At ``lr=0``
    the decay is not scaled.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        foreach: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, momentum, dampening, weight_decay, nesterov, foreach=foreach
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault('initial_lr', group['lr'])
        decay = group['weight_decay']
        if not 0 <= decay < 1:
            raise InputError(
                'weight_decay is the share that a weight loses per step, 0 to 1; '
                f'received {decay!r}'
            )
        if decay >= HIGH_DECAY:
            warnings.warn(
                f'DecoupledSGDW multiplies the weights by {1 - decay} in every step '
                f'(weight_decay={decay}, which is not scaled by the learning rate); '
                'usual are 1e-5 to 1e-4',
                stacklevel=2,
            )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a state of plain SGD lacks the entry
            group.setdefault('initial_lr', group['lr'])

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update the parameters with a gradient; return the loss of ``closure``."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [p for p in group['params'] if p.grad is not None]
            if params:
                self._update(group, params)
        return loss

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        initial = group['initial_lr']
        scale = group['lr'] / initial if initial else 1.0
        if group['weight_decay']:
            for parameter in params:
                parameter.mul_(1.0 - group['weight_decay'] * scale)
        buffers = [self.state[p].get('momentum_buffer') for p in params]
        sgd(
            params,
            [p.grad for p in params],
            buffers,
            weight_decay=0.0,
            momentum=group['momentum'],
            lr=group['lr'],
            dampening=group['dampening'],
            nesterov=group['nesterov'],
            maximize=False,
            foreach=group['foreach'],
        )
        if group['momentum'] != 0:
            for parameter, buffer in zip(params, buffers, strict=True):
                self.state[parameter]['momentum_buffer'] = buffer
