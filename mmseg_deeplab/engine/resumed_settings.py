"""Optimizer and schedule of a resumed training: the config's settings count."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from mmengine.optim import OptimWrapper, OptimWrapperDict, _ParamScheduler
from mmengine.runner import Runner

from mmseg_deeplab.checkpoints.state_dicts import trained_weights
from mmseg_deeplab.utils.errors import InputError

from .resume import start_of

# A schedule is gone through without steps of the optimizer, see `replay`.
warnings.filterwarnings(
    'ignore', message='Detected call of `scheduler.step', category=UserWarning
)
# Arguments of torch's optimizers that are not compared: which of its implementations
# computes a step, and what later versions of torch have added.
NOT_COMPARED = {'capturable', 'differentiable', 'foreach', 'fused'}
NOT_COMPARED |= {'maximize', 'decoupled_weight_decay'}  # since torch 1.11, since 2.7


class Part(NamedTuple):
    """One optimizer with its schedulers, as built, and what the checkpoint has."""

    optimizer: OptimWrapper
    schedulers: list[_ParamScheduler]
    saved_optimizer: dict[str, Any] | None
    saved_schedulers: list[dict[str, Any]] | None

    @property
    def groups(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each parameter group of the optimizer beside that of the checkpoint."""
        saved = list(self.saved_optimizer['param_groups'])
        if 'base_param_settings' in self.saved_optimizer:
            saved.append(self.saved_optimizer['base_param_settings'])
        return list(zip(self.optimizer.param_groups, saved, strict=False))


def take_settings(runner: Runner, checkpoint: dict[str, Any]) -> None:
    """Put the config's settings into a checkpoint from which a training is resumed.

    mmengine goes on with the rates and the schedule of the checkpoint whatever the
    config says, at rate 0 where the old schedule has ended. Here, where settings of the
    optimizer or of a scheduler differ, those of the config are used, as if the training
    had had them from its beginning. What the optimizer has gathered (momentum, moments)
    stays.
    """
    for part in _parts(runner, checkpoint):
        if part.saved_optimizer is None:
            runner.logger.warning(
                'The checkpoint holds no optimizer state: momentum begins anew.'
            )
        else:
            _check_kind(part, start_of(runner)[0] or 'the checkpoint')
        if not (changes := _changes(part)):
            continue
        runner.logger.warning(
            'The training goes on with other settings than it was begun with, those '
            f'of the config: {", ".join(changes)}'
        )
        meta = checkpoint['meta']
        replay(part.schedulers, iters=meta['iter'], epochs=meta['epoch'])
        if part.saved_optimizer is not None:
            for group, saved in part.groups:
                saved.update({k: v for k, v in group.items() if k != 'params'})
        if part.saved_schedulers is not None:
            part.saved_schedulers[:] = [s.state_dict() for s in part.schedulers]


def take_trained_weights(runner: Runner, checkpoint: dict[str, Any]) -> None:
    """Let a training without ``EMAHook`` go on from the weights that were trained."""
    if trained := trained_weights(checkpoint):
        checkpoint['state_dict'].update(trained)
        runner.logger.warning(
            'The checkpoint has averaged weights, and this training makes no average: '
            'it goes on from the trained weights, without the average. Remedy to go on '
            'with both: --mixin ema, or its EMAHook in custom_hooks'
        )


def replay(schedulers: list[_ParamScheduler], *, iters: int, epochs: int) -> None:
    """Step new schedulers as often as a training of that length has done."""
    epoch_ends = {(n + 1) * iters // epochs for n in range(epochs)}
    for iteration in range(1, iters + 1):
        for scheduler in schedulers:
            if not scheduler.by_epoch:
                scheduler.step()
        for scheduler in schedulers if iteration in epoch_ends else ():
            if scheduler.by_epoch and not getattr(scheduler, 'need_val_args', False):
                scheduler.step()


def _parts(runner: Runner, checkpoint: dict[str, Any]) -> Iterator[Part]:
    optimizers, schedulers = runner.optim_wrapper, runner.param_schedulers or []
    saved = checkpoint.get('optimizer')
    saved_schedulers = checkpoint.get('param_schedulers')
    if not isinstance(optimizers, OptimWrapperDict):
        yield Part(optimizers, schedulers, saved, saved_schedulers)
        return
    for name, optimizer in optimizers.items():
        yield Part(
            optimizer,
            schedulers[name] if isinstance(schedulers, dict) else schedulers,
            (saved or {}).get(name),
            (saved_schedulers or {}).get(name),
        )


def _check_kind(part: Part, source: str) -> None:
    optimizer, saved = part.optimizer.optimizer, part.saved_optimizer['param_groups']
    now, then = (
        [len(group['params']) for group in groups]
        for groups in (optimizer.param_groups, saved)
    )
    why = ''
    if missing := sorted(optimizer.defaults.keys() - saved[0].keys() - NOT_COMPARED):
        why = f'is not of {type(optimizer).__name__}: it has no {", ".join(missing)}'
    elif now != then:
        why = (
            f'is of {len(then)} groups with {sum(then)} parameters, the config gives '
            f'{len(now)} groups with {sum(now)}'
        )
    if why:
        raise InputError(
            f'{source}: cannot be resumed with this config: its optimizer state {why}. '
            'Remedy: the optim_wrapper of the training that is resumed; or leave out '
            '--resume and give load_from, which takes the weights alone'
        )


def _changes(part: Part) -> list[str]:
    """Name the settings that differ, with the value of the checkpoint first."""
    saved = part.saved_schedulers or []
    if len(saved) != len(part.schedulers):
        return [f'{len(saved)} -> {len(part.schedulers)} schedulers']
    changes = {}
    for index, (new, old) in enumerate(zip(part.schedulers, saved, strict=True)):
        if not getattr(new, 'need_val_args', False):  # its settings are also its state
            mine, theirs = (
                _scheduler_settings(new.state_dict()),
                _scheduler_settings(old),
            )
            changes |= _differing(f'param_scheduler.{index}.', mine, theirs)
    scheduled = {'params', *(scheduler.param_name for scheduler in part.schedulers)}
    for group, old in part.groups if part.saved_optimizer else ():
        names = group.keys() & old.keys() - scheduled - NOT_COMPARED
        changes |= _differing('', {n: group[n] for n in names}, old)
    return [f'{name} {old} -> {new}' for name, (old, new) in changes.items()]


def _scheduler_settings(state: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a scheduler's state what changes with each step, and functions."""
    left_out = ('base_values', 'last_step', 'verbose')  # the first are of the groups
    return {
        name: value
        for name, value in state.items()
        if name[0] != '_' and name not in left_out and not callable(value)
    }


def _differing(
    prefix: str, new: dict[str, Any], old: dict[str, Any]
) -> dict[str, tuple[Any, Any]]:
    return {
        prefix + name: (old.get(name), value)
        for name, value in new.items()
        if _plain(value) != _plain(old.get(name))
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
