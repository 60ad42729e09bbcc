"""``disk``: whole trainings, from image files to the log, by both ``train.py``."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import mmseg
import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS, MODELS

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.datasets.street_scenes import CLASSES, PALETTE, render_scene

from .case import CPU, Case, Errors, Row, Study, require
from .data import stock_step
from .evaluation import run_side
from .measure import high_water
from .networks import weaken_branches
from .report import RATIO, column, errors_text
from .results_table import set_steps

# The command of MMSegmentation, and ours in `tools`.
STOCK_TOOL = Path(mmseg.__file__).with_name('.mim') / 'tools' / 'train.py'
TOOLS = dict(stock=str(STOCK_TOOL), ours='train.py')
QUICKSTART, V3PLUS = 'deeplabv2_r26_synthetic_streets', 'deeplabv3plus_mobilenetv2_{}'
WARM_UP, SCENES = 5, 160
PARTS = ('data', 'preprocessor', 'forward and loss', 'backward', 'optimizer')
REST = 'hooks and the rest'
# Relative errors: of the first loss, and of the mean over the warm-up, during which
# rounding grows.
FIRST, MEAN = 1e-3, 0.05


class Training(NamedTuple):
    """A config, where its images are, and how many steps are measured."""

    config: str
    data: str
    steps: int


def disk_cases(
    training: Training, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant: the config as it is, or with the mixin ``fast``."""
    for variant in variants:
        with TemporaryDirectory(prefix='benchmark_') as folder:
            yield disk_case(training, Path(folder), variant, device)


def disk_case(
    training: Training, folder: Path, variant: str, device: torch.device = CPU
) -> Case:
    """Return one case; images, configs and results go to a folder."""
    if training.data == 'streets':
        for index in range(SCENES):
            image, label = render_scene('train', index, (128, 256), 0)
            cv2.imwrite(str(folder / f'{index}.jpg'), image)
            cv2.imwrite(str(folder / f'{index}.png'), label)
    facts: dict[str, Any] = dict(steps=training.steps)
    runs = {}
    for role, mixins in dict(stock=[], ours=['fast'] * (variant == 'fast')).items():
        cfg = training_config(training, mixins, folder)
        if role == 'stock':
            make_stock(cfg)
        meter = dict(type='StepMeter', result=str(folder / f'{role}.json'))
        cfg.setdefault('custom_hooks', []).append(meter)
        cfg.load_from = str(folder / 'weights.pth')
        cfg.custom_imports = dict(imports=['mmseg_deeplab', __name__])
        cfg.dump(folder / f'{role}.py')
        if role == 'stock':
            save_weights(cfg)
        runs[role] = partial(_run, role, folder, device, facts)
    height, width = cfg.model.data_preprocessor.size
    batch = f'{cfg.train_dataloader.batch_size} x {height} x {width}'
    group = f'`{training.config}`, {training.data}, {batch}'
    settings = dict(device=device, facts=facts, measures_itself=True)
    return Case(group, variant, **runs, compare=compare_losses, **settings)


def training_config(training: Training, mixins: Sequence[str], folder: Path) -> Config:
    """Return the config of a short training from files, without validation."""
    cfg = read_config(training.config, mixins=mixins)
    cfg.model.backbone.init_cfg = None
    loader = cfg.train_dataloader
    if training.data == 'streets':
        loader.dataset = ConfigDict(
            type='BaseSegDataset',
            metainfo=dict(classes=CLASSES, palette=PALETTE),
            data_prefix=dict(img_path=str(folder), seg_map_path=str(folder)),
            pipeline=cfg.train_pipeline,
        )
    elif training.config == QUICKSTART:
        data = read_config(V3PLUS.format(training.data))
        loader.dataset = data.train_dataloader.dataset
        cfg.model.data_preprocessor.size = data.crop_size
        cfg.model.decode_head.num_classes = data.num_classes
    # CamVid's own files are PNG; there are copies with JPEG files.
    source = loader.dataset
    images = Path(source.get('data_root', '')) / source.data_prefix.img_path
    source.img_suffix = '.jpg' if any(images.glob('*.jpg')) else '.png'
    loader.num_workers = 1  # more would share the cores with the network
    cfg.randomness = dict(seed=0)
    set_steps(cfg, WARM_UP + training.steps + 1)
    cfg.default_hooks.checkpoint.interval = -1
    return cfg


def make_stock(cfg: Config) -> None:
    """Take MMSegmentation's segmentor and transforms, and mmengine's hooks."""
    cfg.model.type, cfg.custom_hooks = 'EncoderDecoder', []
    dataset = cfg.train_dataloader.dataset
    dataset.pipeline = [stock_step(step) for step in dataset.pipeline]
    checkpoint = dict(type='CheckpointHook', interval=-1)
    cfg.default_hooks = dict(logger=cfg.default_hooks.logger, checkpoint=checkpoint)


def save_weights(cfg: Config) -> None:
    """Write the weights with which both sides begin."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    logging.disable(logging.INFO)  # lines about each parameter
    model.init_weights()
    logging.disable(logging.NOTSET)
    weaken_branches(model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), cfg.load_from)


def _run(role: str, folder: Path, device: torch.device, facts: dict) -> dict[str, Any]:
    found = run_side(TOOLS[role], role, folder, device)
    facts[role] = found['parts']
    return found


def compare_losses(stock: dict[str, Any], ours: dict[str, Any]) -> Errors:
    """Return the relative error of the first loss, and of the mean of the first."""
    first, second = (np.array(side['losses']) for side in (stock, ours))
    errors = dict(
        first=abs(1 - second[0] / first[0]), mean=abs(1 - second.mean() / first.mean())
    )
    require(errors['first'] <= FIRST and errors['mean'] <= MEAN, 'training', errors)
    return errors


def worker_seconds() -> float:
    """Return the CPU time that the data loader's workers have taken so far."""
    stats = [Path(f'/proc/{c.pid}/stat').read_text() for c in active_children()]
    ticks = [sum(map(int, stat.rpartition(')')[2].split()[11:13])) for stat in stats]
    return sum(ticks) / os.sysconf('SC_CLK_TCK')


@HOOKS.register_module()
class StepMeter(Hook):
    """Measures the steps of a training after the warm-up, and the parts of a step.

    ``result``, a JSON file, gets ``seconds`` of all steps, ``peak_bytes`` of the whole
    process, ``losses`` of the warm-up, and ``parts``, the mean seconds of each part of
    a step.
    """

    priority = 'LOWEST'

    def __init__(self, result: str) -> None:
        self.result = Path(result)
        self.losses: list[float] = []
        self.parts: list[list[float]] = []
        self._times: list[float] = []

    def before_train(self, runner: Runner) -> None:
        """Let each part of a step note the time when it is done."""
        model, optimizer = runner.model, runner.optim_wrapper.optimizer
        model.data_preprocessor.register_forward_pre_hook(self._note)
        model.data_preprocessor.register_forward_hook(self._note)
        model.register_forward_hook(self._note)
        optimizer.register_step_pre_hook(self._note)
        optimizer.register_step_post_hook(self._note)

    def _note(self, *_: Any) -> None:
        self._times.append(time.perf_counter())

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Begin after the warm-up; end and write the result before the last step."""
        self._times.clear()
        if batch_idx == WARM_UP:
            self.parts.clear()
            self._worker, self._start = worker_seconds(), time.perf_counter()
        elif batch_idx == runner.max_iters - 1:
            seconds = time.perf_counter() - self._start
            parts = dict(zip(PARTS, np.mean(self.parts, 0).tolist(), strict=True))
            parts[REST] = seconds / len(self.parts) - sum(parts.values())
            parts['worker'] = (worker_seconds() - self._worker) / len(self.parts)
            found = dict(seconds=seconds, losses=self.losses, parts=parts)
            self.result.write_text(json.dumps(found | dict(peak_bytes=high_water())))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Keep the parts of the step, and its loss during the warm-up."""
        waited = runner.message_hub.get_scalar('train/data_time').current()
        self.parts.append([waited, *np.diff(self._times).tolist()])
        if batch_idx < WARM_UP:
            self.losses.append(outputs['loss'].item())


def part(name: str) -> Callable[[Row], str]:
    """Return a column with a part of both, in percent of stock's step.

    The parts are those of the last round.
    """

    def shares(row: Row) -> str:
        step = sum(row['facts']['stock'][name] for name in (*PARTS, REST))
        sides = [row['facts'][role][name] / step for role in ('stock', 'ours')]
        return ' / '.join(f'{100 * side:.0f}' for side in sides)

    return column(shares, str)


STUDY = Study(
    help='trainings from image files, with all that a training runs',
    columns={
        'config, data, batch': lambda row: row['group'],
        'ours': lambda row: row['name'],
        **RATIO,
        **{name: part(name) for name in (*PARTS, REST)},
        "the worker's CPU time": part('worker'),
        'errors of the losses': errors_text,
    },
    subjects={
        'streets_v2': Training(QUICKSTART, 'streets', 30),
        'streets_v3plus': Training(V3PLUS.format('synthetic_streets'), 'streets', 30),
        'camvid_v2': Training(QUICKSTART, 'camvid', 10),
        'camvid_v3plus': Training(V3PLUS.format('camvid'), 'camvid', 8),
    },
    quick={'streets_v2': Training(QUICKSTART, 'streets', 10)},
    cases=disk_cases,
    variants=('configured', 'fast'),
)
