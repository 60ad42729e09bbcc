"""Small real trainings for the tests: a data set, a config, and fast processes."""

import json
import multiprocessing.forkserver
import os
import re
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import cv2
import fork_server
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import (
    build_runner,
    prepare_testing,
    prepare_training,
)

ROOT = Path(__file__).resolve().parents[1]
TRAIN = str(ROOT / 'tools' / 'train.py')
TEST = str(ROOT / 'tools' / 'test.py')

# A ResNet-18 with 4 channels and frozen statistics; nothing in it is random.
CONFIG = """
_base_ = [{runtime!r}]
crop_size = (32, 64)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[127.5] * 3, std=[60.0] * 3,
        size=crop_size, seg_pad_val=255),
    backbone=dict(
        type='ResNet', depth=18, base_channels=4, norm_eval=True,
        norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='FCNHead', in_channels=32, in_index=3, channels=8, num_convs=1,
        concat_input=False, num_classes=3, dropout_ratio=0,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True)),
    test_cfg=dict(mode='whole'))
load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
pipeline = [*load, dict(type='PackSegInputs')]
dataset = dict(
    type='BaseSegDataset', data_root={data!r}, img_suffix='.png',
    metainfo=dict(classes=('a', 'b', 'c'), palette=[[0] * 3, [9] * 3, [99] * 3]),
    data_prefix=dict(img_path='images', seg_map_path='labels'), pipeline=pipeline)
train_dataloader = dict(
    batch_size=2, num_workers=0, dataset=dataset,
    sampler=dict(type='InfiniteSampler', shuffle=True))
val_dataloader = dict(
    batch_size=1, num_workers=0, dataset=dataset,
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)],
        [dict(type='LoadAnnotations')],
        [dict(type='PackSegInputs')]])]
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.003, momentum=0.9))
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end={iters}, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters={iters}, val_interval=100000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(interval={interval}, max_keep_ckpts=2, save_best=None))
log_processor = dict(window_size=1)
randomness = dict(seed=3)
{extra}
"""
# More lines of that config, for a training by epochs.
BY_EPOCH = """
train_dataloader['sampler'] = dict(type='DefaultSampler', shuffle=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3, val_interval=2)
param_scheduler = []
log_processor = dict(by_epoch=True)
default_hooks['checkpoint'] = dict(by_epoch=True, interval=1)
"""


def few_streets(count: int, size: tuple[int, int]) -> dict[str, object]:
    """Return options for a few small scenes in each split, without workers."""
    options = {'dataset.num_images': count, 'dataset.size': size}
    options |= {'num_workers': 0, 'persistent_workers': False}
    return {
        f'{split}_dataloader.{key}': value
        for split in ('train', 'val', 'test')
        for key, value in options.items()
    }


def write_data(folder: Path, images: int = 8) -> Path:
    """Write 32x64 images of two squares in three classes; return ``folder``."""
    generator = np.random.default_rng(0)
    for name in ('images', 'labels'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index in range(images):
        label = generator.integers(0, 3, (1, 2), dtype=np.uint8).repeat(32, 0)
        label = label.repeat(32, 1)
        noise = generator.integers(0, 100, (32, 64, 3), dtype=np.uint8)
        image = noise + 150 * np.eye(3, dtype=np.uint8)[label]
        cv2.imwrite(str(folder / 'images' / f'{index}.png'), image)
        cv2.imwrite(str(folder / 'labels' / f'{index}.png'), label)
    return folder


def write_config(
    folder: Path, *, iters: int = 6, interval: int = 1, images: int = 8, extra: str = ''
) -> Path:
    """Write the config and its data set into ``folder``; return the config's path."""
    config = folder / 'tiny.py'
    config.write_text(
        CONFIG.format(
            runtime=str(ROOT / 'configs' / '_base_' / 'default_runtime.py'),
            data=str(write_data(folder / 'data', images)),
            iters=iters,
            interval=interval,
            extra=extra,
        )
    )
    return config


def write_random_network(folder: Path, meta: dict | None = None) -> tuple[Path, Path]:
    """Write the config, its data set and a checkpoint with random weights.

    ``meta`` is the checkpoint's ``dataset_meta``.
    """
    config, checkpoint = write_config(folder), folder / 'tiny.pth'
    torch.manual_seed(0)
    model = MODELS.build(read_config(config).model)
    model.decode_head.conv_seg.weight.data.normal_()
    content = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta or {}))
    torch.save(content, checkpoint)
    return config, checkpoint


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Return the weights in a checkpoint, read without this project's help."""
    return torch.load(checkpoint, weights_only=False)['state_dict']


def same_weights(one: Path, other: Path) -> bool:
    """Whether two checkpoints hold equal weights, to the bit."""
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def scalars(work_dir: Path) -> list[dict]:
    """Return all entries of all logs of a work folder, oldest first."""
    paths = sorted(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for path in paths for line in path.open()]


def write_scalars(run: Path, records: Iterable[dict]) -> Path:
    """Write the log of a run that :func:`scalars` reads, and return its path."""
    file = run / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(map(json.dumps, records)) + '\n')
    return file


def losses(work_dir: Path) -> dict[int, float]:
    """Return the logged loss by iteration; later logs go before earlier ones."""
    entries = scalars(work_dir)
    return {entry['step']: entry['loss'] for entry in entries if 'loss' in entry}


def train_here(
    config: Path,
    work_dir: Path,
    *,
    resume: bool = False,
    resume_from: Path | None = None,
    hooks: Sequence[Hook] = (),
    mixins: Sequence[str] = (),
    **options: object,
) -> Runner:
    """Train in this process; double underscores in ``options`` stand for dots."""
    cfg = _read(config, work_dir, mixins, options)
    torch.set_num_threads(1)  # nothing here is worth a second one
    path = resume_from and str(resume_from)
    prepare_training(cfg, resume=resume or bool(path), resume_from=path)
    runner = build_runner(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


def evaluate_here(
    config: Path, checkpoint: Path, work_dir: Path, *, out: Path | None = None,
    **options: object,
) -> dict[str, float]:  # fmt: skip
    """Test in this process and return the metrics; see :func:`train_here`."""
    cfg = _read(config, work_dir, (), options)
    prepare_testing(cfg, str(checkpoint), out=out and str(out))
    return build_runner(cfg).test()


def _read(config: Path, work_dir: Path, mixins: Sequence[str], options: dict) -> Config:
    overrides = {name.replace('__', '.'): value for name, value in options.items()}
    cfg = read_config(
        str(config), work_dir=str(work_dir), options=overrides, mixins=mixins
    )
    # mmengine shares logs and visualizers of equal names.
    cfg.experiment_name = cfg.visualizer.name = uuid.uuid4().hex
    return cfg


def log_of(work_dir: Path) -> str:
    """Return what all runs in a work folder have logged, oldest first."""
    return ''.join(path.read_text() for path in sorted(work_dir.glob('*/*.log')))


class Process:
    """One run of a tool, started by a :class:`Server`."""

    def __init__(self, process: multiprocessing.Process, log: Path) -> None:
        self.process, self.pid, self.log = process, process.pid, log

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        os.kill(self.pid, number)

    def wait(self, timeout: float = 300) -> int:
        """Wait for the end and return the exit code, negative for a signal.

        After ``timeout`` seconds the process is killed.
        """
        self.process.join(timeout)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        return self.process.exitcode

    def wait_for_step(self, step: int, mode: str = 'train') -> None:
        """Wait until the log tells of this iteration."""
        pattern = re.compile(rf'Iter\({mode}\) \[ *{step}/')
        self.wait_until(lambda: pattern.search(self.log.read_text()))

    def wait_until(self, condition: Callable[[], object], timeout: float = 300) -> None:
        """Wait until ``condition`` holds, looking often."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                self.process.kill()
                raise TimeoutError(self.log.read_text())
            time.sleep(0.002)


class Server:
    """Starts runs of tools in processes that need not import anything.

    Importing torch and MMSegmentation takes seconds; a process that is forked from one
    that has imported them starts in a fraction of one, and can be killed.
    """

    def __init__(self) -> None:
        self.started: list[multiprocessing.Process] = []
        self.context = multiprocessing.get_context('forkserver')
        self.context.set_forkserver_preload(fork_server.PRELOADED)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('OMP_NUM_THREADS', '1')
            patch.setenv('PYTHONPATH', str(Path(__file__).parent), prepend=os.pathsep)
            multiprocessing.forkserver.ensure_running()

    def start(
        self, *argv: object, log: Path, cwd: Path | str = '.', **env: object
    ) -> Process:
        """Start a tool in the folder ``cwd``; its output goes to ``log``."""
        log.write_text('')
        env = {name: str(value) for name, value in env.items()}
        arguments = [str(a) for a in argv], str(log), str(cwd), env
        process = self.context.Process(target=fork_server.run, args=arguments)
        process.start()
        self.started.append(process)
        return Process(process, log)

    def run(self, *argv: object, log: Path, **env: object) -> int:
        """Start a tool, wait for its end, and return the exit code."""
        return self.start(*argv, log=log, **env).wait()

    def close(self) -> None:
        """Kill what a failed test has left: Python would wait for its end."""
        for process in self.started:
            if process.is_alive():
                process.kill()


def free_port() -> int:
    """Return a port that no process uses now."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def start_ranks(server: Server, folder: Path, *argv: object) -> list[Process]:
    """Start a tool as two ranks, each a process of its own, with logs in ``folder``."""
    argv = (*argv, '--launcher', 'pytorch')
    env = dict(WORLD_SIZE=2, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    return [
        server.start(*argv, log=folder / f'{r}.log', RANK=r, LOCAL_RANK=r, **env)
        for r in range(2)
    ]


def assert_all_ended_well(ranks: list[Process]) -> None:
    """Wait for all ranks; show exit codes and logs if one of them failed."""
    codes = [rank.wait() for rank in ranks]
    logs = '\n'.join(
        f'--- {rank.log}\n{rank.log.read_text()[-3000:]}' for rank in ranks
    )
    assert codes == [0] * len(ranks), f'exit codes {codes}\n{logs}'


def fake_python(folder: Path) -> str:
    """Return a program that prints each argument that the interpreter would get."""
    script = folder / 'python'
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    script.chmod(0o755)
    return str(script)
