"""A whole evaluation, data loader to figures, each side in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.shipped import configs_folder
from mmseg_deeplab.datasets.export_streets import Request, export_streets

from .case import Case, Contender, Work, require
from .complexity import complexity, without_training_parts
from .data import DATA_SETS, NUM_IMAGES, stock_step
from .networks import Size, stock_segmentor
from .report import (
    digits,
    limit_text,
    megabytes_text,
    memory_ratio_text,
    multiply_adds_text,
    ratio_text,
)
from .timing import Stopwatch

CONFIG = 'deeplabv3_mobilenetv2_{}.py'  # of this project, for each of `DATA_SETS`
QUICK_IMAGES = 8
MIXINS = ('fast_inference',)
METRICS = ('IoUMetric', 'SegmentationMetric')
# Of the figures in percent, which the host rounds to two digits.
TOLERANCE = 0.021
COMPARED = ('mIoU', 'aAcc', 'mAcc')


@dataclass(frozen=True)
class Job:
    """What is evaluated.

    Args:
        name: For the table.
        config: File.
        checkpoint: File.
        size: Of an image, for the multiply-adds.
        options: As of ``--cfg-options``.
        mixins: For our side.
    """

    name: str
    config: Path
    checkpoint: Path
    size: Size
    options: dict[str, Any]
    mixins: Sequence[str] = MIXINS


def drawn_jobs(
    folder: Path,
    *,
    names: Sequence[str] = tuple(DATA_SETS),
    num_images: int | None = None,
    mixins: Sequence[str] = MIXINS,
) -> Iterator[Job]:
    """Draw data sets, and give their configs checkpoints of random weights.

    Args:
        folder: For both; what is there already is used.
        names: Keys of ``DATA_SETS``.
        num_images: Of each; None takes ``NUM_IMAGES``.
        mixins: For our side.
    """
    for name in names:
        count, size = num_images or NUM_IMAGES[name], DATA_SETS[name]
        request = Request(name, num_train=1, num_val=count, size=size)
        root = export_streets(folder / f'{name}_{count}', request)
        config = configs_folder() / CONFIG.format(name)
        options = dict(data_root=str(root))
        yield Job(
            name=f'{count} of {size[0]} x {size[1]}',
            config=config,
            checkpoint=_random_checkpoint(config, size, folder / f'{name}.pth'),
            size=size,
            options=options,
            mixins=mixins,
        )


def own_job(
    config: str,
    checkpoint: str,
    *,
    options: dict[str, Any],
    num_images: int | None = None,
    mixins: Sequence[str] = MIXINS,
) -> Job:
    """Return the evaluation of a user's own model.

    Args:
        config: File.
        checkpoint: File.
        options: As of ``--cfg-options``.
        num_images: The first ones of the test split; None for all.
        mixins: For our side.

    Raises:
        FileNotFoundError: If the config or its data is missing.
    """
    if num_images is not None:
        options = options | {'test_dataloader.dataset.indices': num_images}
    cfg = launch.load_config(config, cfg_options=options)
    launch.check_data(cfg, 'test_dataloader')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    size = tuple(dataset[0]['inputs'].shape[-2:])
    count = f'{len(dataset)} of {size[0]} x {size[1]}'
    return Job(count, Path(config), Path(checkpoint), size, options, mixins)


def _random_checkpoint(config: Path, size: Size, path: Path) -> Path:
    cfg = without_training_parts(Config.fromfile(config).model)
    model = stock_segmentor(cfg, size, torch.device('cpu'))
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path


def evaluation_cases(
    device: torch.device, jobs: Iterator[Job], folder: Path
) -> Iterator[Case]:
    """Make a case of each job.

    Args:
        device: Of both.
        jobs: From :func:`drawn_jobs`, or one's own.
        folder: For configs, logs and results.

    Raises:
        ValueError: If the segmentor or the metric is of another kind than those that
            have a stock counterpart.
    """
    for number, job in enumerate(jobs):
        place = folder / f'run{number}'
        place.mkdir(parents=True, exist_ok=True)
        figures: dict[str, float] = {}
        sides = {}
        for role, derive in (('stock', stock_config), ('ours', our_config)):
            path = place / f'{role}.py'
            cfg = derive(job)
            cfg.work_dir = str(place / role)
            cfg.dump(path)
            sides[role] = Contender(
                f'{cfg.model.type}, {cfg.test_evaluator.type}',
                partial(_run, role, path, job.checkpoint, device, figures),
                device,
                peak_bytes=lambda found: found['peak_bytes'],
            )
        yield Case(
            group=job.name,
            name=job.config.stem,
            **sides,
            compare=compare_figures,
            work=_work(job),
            figures=figures,
        )


def stock_config(job: Job) -> Config:
    """Return the config of the host's segmentor, transforms and metric."""
    cfg = _test_config(job, mixins=())
    cfg.model.type = 'EncoderDecoder'
    cfg.model.pop('crf', None)
    cfg.runner_type = 'Runner'  # mmengine's
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = [stock_step(step) for step in dataset.pipeline]
    cfg.test_evaluator = _evaluator(cfg, 'IoUMetric')
    return cfg


def our_config(job: Job) -> Config:
    """Return the config of the lean segmentor, with the mixins."""
    cfg = _test_config(job, mixins=job.mixins)
    cfg.model.type = 'LeanEncoderDecoder'
    cfg.model.pop('crf', None)
    cfg.test_evaluator = _evaluator(cfg, 'SegmentationMetric')
    return cfg


def _test_config(job: Job, *, mixins: Sequence[str]) -> Config:
    cfg = launch.load_config(
        str(job.config), cfg_options=job.options, mixins=list(mixins)
    )
    if cfg.model.type not in ('EncoderDecoder', 'LeanEncoderDecoder'):
        raise ValueError(
            f'{job.config}: model.type={cfg.model.type!r} has no stock counterpart; '
            "give a config of 'EncoderDecoder' or 'LeanEncoderDecoder'"
        )
    # One worker decodes while the network runs; more would share its cores.
    cfg.test_dataloader.update(num_workers=1, persistent_workers=True)
    return cfg


def _evaluator(cfg: Config, kind: str) -> ConfigDict:
    before = cfg.test_evaluator
    if not isinstance(before, dict) or before.get('type') not in METRICS:
        raise ValueError(
            f'{cfg.filename}: test_evaluator={before} has no stock counterpart; give '
            f'one of {METRICS}'
        )
    kept = {k: before[k] for k in ('ignore_index', 'nan_to_num') if k in before}
    return ConfigDict(type=kind, **kept)


def _run(
    role: str,
    config: Path,
    checkpoint: Path,
    device: torch.device,
    figures: dict[str, float],
    watch: Stopwatch,
) -> dict[str, Any]:
    """Evaluate in another process; the watch gets the seconds of the test loop."""
    result = config.with_suffix('.json')
    result.unlink(missing_ok=True)
    module = f'{__package__}.evaluation_process'
    command = [sys.executable, '-m', module, config, checkpoint, result]
    command += ['--threads', str(torch.get_num_threads())]
    environment = dict(os.environ)
    if device.type == 'cpu':
        environment['CUDA_VISIBLE_DEVICES'] = ''
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f'the evaluation of {config} failed:\n{done.stderr}')
    found = json.loads(result.read_text())
    watch.seconds['total'] = found['seconds']
    figures['images'] = found['images']
    figures[f'{role}_process_bytes'] = found['process_bytes']
    figures[f'{role}_mIoU'] = found['figures']['mIoU']
    return found


def _work(job: Job) -> Work:
    cfg = _test_config(job, mixins=())
    cost = complexity(cfg.model, job.size)
    images = len(DATASETS.build(cfg.test_dataloader.dataset))
    height, width = job.size
    return Work(
        multiply_adds=images * cost.multiply_adds,
        bytes=4 * cost.parameters + images * 4 * height * width,
    )


def compare_figures(stock: dict[str, Any], ours: dict[str, Any]) -> dict[str, float]:
    """Return the largest difference of mIoU and accuracies, in percent.

    Args:
        stock: What the process of the host found.
        ours: The same.

    Raises:
        ResultsDiffer: If it is more than rounding.
    """
    pairs = [(stock['figures'][name], ours['figures'][name]) for name in COMPARED]
    errors = dict(percent=max(abs(one - other) for one, other in pairs))
    require(errors['percent'] <= TOLERANCE, 'evaluation', errors)
    return errors


def _rate(row: dict[str, Any], role: str) -> str:
    seconds = row[role]['seconds']['total']['median']
    return digits(row['figures']['images'] / seconds)


def _process(row: dict[str, Any], role: str) -> float | None:
    return row['figures'].get(f'{role}_process_bytes')


def _process_text(row: dict[str, Any], role: str) -> str:
    found = _process(row, role)
    return '-' if found is None else digits(found / 1e6)


def _process_ratio_text(row: dict[str, Any]) -> str:
    stock, ours = _process(row, 'stock'), _process(row, 'ours')
    return f'{stock / ours:.1f}' if stock and ours else '-'


def _figures_text(row: dict[str, Any]) -> str:
    found = (row['figures'][f'{role}_mIoU'] for role in ('stock', 'ours'))
    return ', '.join(f'{value:.2f}' for value in found)


EVALUATION_COLUMNS = {
    'config': lambda row: f'`{row["name"]}`',
    'images': lambda row: row['group'],
    'stock, images/s': lambda row: _rate(row, 'stock'),
    'ours, images/s': lambda row: _rate(row, 'ours'),
    'times faster (range)': ratio_text,
    'loop, stock, MB': lambda row: megabytes_text(row, 'stock'),
    'loop, ours, MB': lambda row: megabytes_text(row, 'ours'),
    'times less memory': memory_ratio_text,
    'process, stock, MB': lambda row: _process_text(row, 'stock'),
    'process, ours, MB': lambda row: _process_text(row, 'ours'),
    'times less': _process_ratio_text,
    'mIoU of both': _figures_text,
    'multiply-adds, G': multiply_adds_text,
    'of the limit': limit_text,
}
