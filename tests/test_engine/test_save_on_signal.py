"""SIGTERM ends a training in order, with a checkpoint to go on from."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from training import (
    BY_EPOCH,
    TRAIN,
    Process,
    Server,
    assert_all_ended_well,
    free_port,
    same_weights,
    start_ranks,
    train_here,
    write_config,
)

from mmseg_deeplab.engine import SaveOnSignalHook
from mmseg_deeplab.engine.distributed import init_cpu_process_group

STOP_SIGNALS = [signal.SIGTERM, signal.SIGUSR1]

# Long enough that the signal comes in the middle, and no checkpoint by itself.
LONG = {'iters': 100000, 'interval': 100000}


@pytest.fixture(autouse=True)
def restored_handlers() -> Iterator[None]:
    """Give this process its handlers back: a stopped training ends with it."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Count(Hook):
    batches = 0

    def after_val_iter(self, *_: object, **__: object) -> None:
        self.batches += 1


class Stop(Hook):
    """Sends SIGTERM to its own process after an iteration, of training or not."""

    def __init__(self, at: int, when: str = 'after_train_iter') -> None:
        setattr(self, when, self.stop)
        self.at = at

    def stop(self, runner: Runner, batch_idx: int, *_: object, **__: object) -> None:
        if batch_idx == self.at:
            signal.raise_signal(signal.SIGTERM)


def saved_iteration(work_dir) -> int:
    """Return the iteration of the one checkpoint, which must be readable."""
    (path,) = work_dir.glob('*.pth')
    state = torch.load(path, weights_only=False)
    assert path.name == f'iter_{state["meta"]["iter"]}.pth'
    return state['meta']['iter']


def start(server: Server, folder: Path, extra: str = '') -> Process:
    """Start a long training with some more lines in its config."""
    config = write_config(folder, **LONG, extra=extra)
    work_dir = ('--work-dir', folder / 'run')
    return server.start(TRAIN, config, *work_dir, log=folder / 'log')


def test_the_signal_saves_and_exits_with_0(server: Server, tmp_path):
    run = start(server, tmp_path)
    run.wait_for_step(3)
    run.send(signal.SIGUSR1)
    assert run.wait() == 0, run.log.read_text()
    saved = saved_iteration(tmp_path / 'run')
    run.wait_for_step(saved)
    assert 'Stopped by SIGUSR1' in run.log.read_text()


def test_stopped_and_resumed_equals_uninterrupted(server: Server, tmp_path):
    config = write_config(tmp_path, iters=6, interval=6)
    stopped, straight = tmp_path / 'stopped', tmp_path / 'straight'
    with pytest.raises(SystemExit):
        train_here(config, stopped, hooks=[Stop(at=3)])
    assert saved_iteration(stopped) == 4
    for folder in (stopped, straight):
        train_here(config, folder, resume=True)
    assert same_weights(stopped / 'iter_6.pth', straight / 'iter_6.pth')


@pytest.mark.slow
def test_data_workers_survive_a_signal_to_the_process_group(server: Server, tmp_path):
    workers = 'train_dataloader.update(num_workers=2, persistent_workers=True)'
    run = start(server, tmp_path, workers)
    run.wait_for_step(3)
    os.killpg(run.pid, signal.SIGTERM)
    assert run.wait() == 0, run.log.read_text()
    assert saved_iteration(tmp_path / 'run') >= 3
    with pytest.raises(ProcessLookupError):  # soon no worker is left
        for _ in range(300):
            os.killpg(run.pid, 0)
            time.sleep(0.1)


@pytest.mark.parametrize(
    ('extra', 'hook', 'saved'),
    [
        ("optim_wrapper['accumulative_counts'] = 3", Stop(at=3), 6),
        ("train_cfg['val_interval'] = 2", Stop(at=0, when='after_val_iter'), 2),
    ],
    ids=['after a step of the optimizer', 'during validation'],
)
def test_where_it_stops(tmp_path, extra, hook, saved):
    config = write_config(tmp_path, iters=9, interval=9, extra=extra)
    validated = Count()
    with pytest.raises(SystemExit):
        train_here(config, tmp_path / 'run', hooks=[hook, validated])
    assert saved_iteration(tmp_path / 'run') == saved
    assert validated.batches <= 1


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all(server: Server, tmp_path):
    config = write_config(tmp_path, **LONG)
    ranks = start_ranks(server, tmp_path, TRAIN, config, '--work-dir', tmp_path / 'run')
    ranks[0].wait_for_step(3)
    ranks[1].send(signal.SIGTERM)
    assert_all_ended_well(ranks)
    assert saved_iteration(tmp_path / 'run') >= 3


def test_no_process_group_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv('MASTER_PORT', str(free_port()))
    for name, value in dict(RANK='0', LOCAL_RANK='0', WORLD_SIZE='1').items():
        monkeypatch.setenv(name, value)
    init_cpu_process_group('pytorch')
    hook = SaveOnSignalHook()
    hook.received = signal.SIGTERM
    with pytest.raises(SystemExit):
        train_here(write_config(tmp_path, iters=2), tmp_path / 'run', hooks=[hook])
    assert not torch.distributed.is_initialized()


def test_the_handlers_are_gone_after_training(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    train_here(write_config(tmp_path, iters=1), tmp_path / 'run')
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_epoch_is_interrupted_without_a_checkpoint(tmp_path):
    hook = SaveOnSignalHook()
    hook.received = signal.SIGTERM
    config = write_config(tmp_path, extra=BY_EPOCH)
    with pytest.raises(SystemExit):
        train_here(config, tmp_path / 'run', hooks=[hook])
    assert not list((tmp_path / 'run').glob('*.pth'))
