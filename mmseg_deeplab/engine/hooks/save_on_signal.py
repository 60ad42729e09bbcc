"""A training that is asked to stop saves a checkpoint and ends in order."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader

from mmseg_deeplab.engine.distributed import leave_process_group

SIGNALS = signal.SIGTERM, signal.SIGUSR1


@HOOKS.register_module()
class SaveOnSignalHook(Hook):
    """Save a checkpoint and exit when a signal asks the training to stop.

    Schedulers send SIGTERM before they kill; Slurm sends SIGUSR1 before the time limit
    if told so (``sbatch --signal=USR1@120``). The current iteration is finished (with
    gradient accumulation, the iterations up to the next step of the optimizer), the
    checkpoint of :class:`mmengine.hooks.CheckpointHook` is saved unless it has just
    been, and the process ends with status 0. ``--resume`` continues from there. In
    a distributed training a signal to one rank is enough: all ranks agree after each
    iteration, by one all-reduce of one number.

    A signal during validation takes effect after the current validation batch, in a
    distributed training after the next training iteration. A loop by epochs can only be
    resumed at the beginning of an epoch: there nothing is saved, and the newest
    checkpoint remains. Repeated signals change nothing, since torchrun passes on what
    Slurm has already sent to all. SIGINT and SIGKILL act as always. torchrun itself
    ends with 1 after SIGTERM, and kills processes that need more than 30 seconds.
    """

    priority = 'LOWEST'  # after the checkpoint of this iteration

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._previous: dict[signal.Signals, Any] = {}

    def before_train(self, runner: Runner) -> None:
        if threading.current_thread() is not threading.main_thread():
            runner.logger.warning(
                'SaveOnSignalHook is idle: only the main thread can handle signals'
            )
            return
        self._previous = {
            number: signal.signal(number, self._receive) for number in SIGNALS
        }
        _protect_workers(runner.train_dataloader)

    def before_val(self, runner: Runner) -> None:
        if self._previous:
            _protect_workers(runner.val_dataloader)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        if self._agreed() and _has_stepped(runner.optim_wrapper):
            self._stop(runner, step=runner.iter + 1)

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Stop here after a signal; ranks may have different numbers of batches."""
        if self.received and not runner.distributed:
            self._stop(runner, step=runner.iter)

    def after_train(self, runner: Runner) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)

    def _agreed(self) -> bool:
        told = torch.tensor(float(self.received or 0))
        all_reduce(told, op='max')
        if told and not self.received:
            self.received = signal.Signals(int(told))
        return bool(told)

    def _stop(self, runner: Runner, step: int) -> None:
        name = self.received.name
        if isinstance(runner.train_loop, IterBasedTrainLoop):
            runner.logger.info(f'{name}: saving a checkpoint at iteration {step}.')
            _save(runner, step)
        else:
            runner.logger.info(f'{name}: the epoch is interrupted and not saved.')
        runner.logger.info(f'Stopped by {name}. Go on with the same command, --resume.')
        runner.visualizer.close()
        leave_process_group()
        sys.exit(0)


def _has_stepped(optim_wrapper: OptimWrapper) -> bool:
    """Whether no accumulated gradient is pending, which would be lost."""
    return not isinstance(optim_wrapper, OptimWrapper) or optim_wrapper.should_update()


def _save(runner: Runner, step: int) -> None:
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and not hook.by_epoch:
            name = hook.filename_tmpl.format(step)
            if os.path.basename(hook.last_ckpt or '') != name:
                meta = {'epoch': runner.epoch, 'iter': step}
                hook._save_checkpoint_with_step(runner, step, meta=meta)
            return
    runner.logger.warning('No CheckpointHook by iterations: nothing is saved.')


def _protect_workers(loader: DataLoader) -> None:
    """Let the workers of a loader survive a signal to the whole process group.

    torchrun and Slurm signal every process, and a dead worker would end the training.
    """
    init = loader.worker_init_fn
    if not (isinstance(init, partial) and init.func is _init_protected):
        loader.worker_init_fn = partial(_init_protected, init)


def _init_protected(init: Callable[[int], None] | None, worker_id: int) -> None:
    """Obey SIGTERM in this worker only if its parent sent it; then call ``init``."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_obey_parent, args=(os.getppid(),), daemon=True).start()
    if init is not None:
        init(worker_id)


def _obey_parent(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
