"""SGD whose weight decay is a factor of its own, not a share of the learning rate."""

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import torch
from mmseg.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import SGD
from torch.optim.sgd import sgd

# From here on Composer warns: it is a share of each weight, taken at every step.
HIGH_DECAY = 1e-3


@OPTIMIZERS.register_module()
class DecoupledSGDW(SGD):
    """SGD with momentum and decoupled weight decay.

    `Decoupled Weight Decay Regularization <https://arxiv.org/abs/1711.05101>`_,
    algorithm 1, with the schedule multiplier of the paper taken from the learning rate,
    for a weight ``w`` with gradient ``g`` and buffer ``b``, which begins as ``g``::

        b <- momentum * b + (1 - dampening) * g
        w <- (1 - weight_decay * lr / initial_lr) * w - lr * b

    as MosaicML's Composer has it. :class:`torch.optim.SGD` adds the decay to the
    gradient instead, so that the momentum carries it and the learning rate scales
    it; a decay of 2e-5 here is about as strong as 2e-4 there at a rate of 0.01 and
    a momentum of 0.9.

    ``initial_lr`` of a group is its ``lr`` when it was added. It is kept in the state
    dict, so that a training resumed in mid-schedule goes on with the same decay.
    Schedulers use the same entry. The step itself is torch's.

    Args:
        params: Parameters, or groups with options of their own.
        lr: Learning rate; at 0 the decay is not scaled.
        momentum: Factor of the buffer.
        dampening: What is taken off the gradient in the buffer.
        weight_decay: The share that a weight loses in each step at the initial
            learning rate.
        nesterov: Nesterov's momentum; needs momentum without dampening.
        foreach: One kernel for many tensors; by default where torch would.

    Raises:
        ValueError: If a value is out of its range.
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
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            foreach=foreach,
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters; its ``lr`` of now is its initial one."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.setdefault('initial_lr', group['lr'])
        decay = group['weight_decay']
        if not 0 <= decay < 1:
            raise ValueError(
                f'weight_decay is the share a weight loses per step, 0 to 1; received '
                f'{decay!r}'
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
        for group in self.param_groups:  # a state of plain SGD has none
            group.setdefault('initial_lr', group['lr'])

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """Update the parameters that have a gradient.

        Args:
            closure: Evaluates the model anew and returns the loss.

        Returns:
            What ``closure`` has returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        params = [p for p in group['params'] if p.grad is not None]
        if not params:
            return
        _multiply(params, kept_share(group), foreach=group['foreach'])
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


def kept_share(group: dict[str, Any]) -> float:
    """Return what the decay leaves of a weight in one step.

    Args:
        group: A parameter group with ``lr``, ``initial_lr`` and ``weight_decay``.
    """
    initial = group['initial_lr']
    return 1.0 - group['weight_decay'] * (group['lr'] / initial if initial else 1.0)


def _multiply(params: list[Tensor], factor: float, *, foreach: bool | None) -> None:
    if factor == 1.0:
        return
    if foreach is False:
        for parameter in params:
            parameter.mul_(factor)
    else:
        torch._foreach_mul_(params, factor)  # tensor by tensor where it must be
