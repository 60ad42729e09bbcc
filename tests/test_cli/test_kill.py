"""Trainings killed by SIGKILL go on from a whole checkpoint, whenever it comes."""

import random
import signal
import time
from pathlib import Path

import pytest
import torch
from training import TRAIN, Process, Server, same_weights, write_config

# Checkpoints of 50 MB, so that a save takes a while.
WIDE = """
model['backbone'].update(base_channels=48)
model['decode_head'].update(in_channels=384)
"""


def whole_checkpoints(folder: Path) -> list[str]:
    """Read every checkpoint with its final name; an unreadable one is an error."""
    paths = sorted(folder.glob('*.pth'))
    for path in paths:
        torch.load(path, weights_only=False)
    return [path.name for path in paths]


def kill(run: Process) -> None:
    """Kill a training that must still be running."""
    run.send(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, run.log.read_text()


def newest(folder: Path) -> int:
    """Return the number of the newest checkpoint, 0 without one."""
    return max((int(path.stem[5:]) for path in folder.glob('iter_*.pth')), default=0)


@pytest.mark.slow
def test_five_kills_at_random_moments(server: Server, tmp_path):
    config, work_dir = write_config(tmp_path, iters=150), tmp_path / 'run'
    command = (TRAIN, config, '--work-dir', work_dir, '--resume')
    moment = random.Random(5)
    for number in range(5):
        goal = newest(work_dir) + moment.randint(1, 3)
        run = server.start(*command, log=tmp_path / f'{number}.log')
        run.wait_until(lambda goal=goal: newest(work_dir) >= goal)
        time.sleep(moment.uniform(0, 0.05))
        kill(run)
        whole_checkpoints(work_dir)
    last = tmp_path / 'last.log'
    assert server.run(*command, log=last) == 0, last.read_text()
    assert 'Resuming from' in last.read_text()
    assert whole_checkpoints(work_dir) == ['iter_149.pth', 'iter_150.pth']
    straight = tmp_path / 'straight'
    once = ('--cfg-options', 'default_hooks.checkpoint.interval=150')
    server.run(TRAIN, config, '--work-dir', straight, *once, log=last)
    assert same_weights(work_dir / 'iter_150.pth', straight / 'iter_150.pth')


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_save(server: Server, tmp_path):
    config = write_config(tmp_path, iters=3, extra=WIDE)
    for attempt in range(9):  # on a busy machine the save may be over too soon
        work_dir = tmp_path / f'run{attempt}'
        command = (TRAIN, config, '--work-dir', work_dir, '--resume')
        run = server.start(*command, log=tmp_path / 'first.log')
        run.wait_until(lambda at=work_dir: list(at.glob('*iter_2.pth*')))
        run.send(signal.SIGKILL)
        if run.wait() and list(work_dir.glob('.iter_2.pth.*.part')):
            break
    assert whole_checkpoints(work_dir) == ['iter_1.pth']
    log = tmp_path / 'second.log'
    assert server.run(*command, log=log) == 0
    assert 'Removed unfinished checkpoints' in log.read_text()
    assert whole_checkpoints(work_dir) == ['iter_2.pth', 'iter_3.pth']
    assert not list(work_dir.glob('.*.part'))
