"""``table``: train and test many configs on an equal budget, and write the table.

A second call continues where the first one stopped and skips finished rows.
"""

import math
import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.option_check import named_dicts
from mmseg_deeplab.models import set_output_stride
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import read_json, write_json
from mmseg_deeplab.visualization import plot_scatter

from .case import Row
from .complexity import complexity
from .report import column, markdown_table, write_into

HELP = 'train and test many configs on an equal budget'
ROOT = Path(__file__).resolve().parents[1]
percent = partial(column, text='{:.2f}'.format)
SCHEDULE_KEYS = ('optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg')


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add('configs', nargs='*', help='configs to measure, one row each')
    add('--work-dir', required=True, help='the folder of the table')
    add('--schedule', help="a file that replaces each config's schedule")
    add('--steps', type=int, help="training steps (the schedule's)")
    add('--crop', type=int, nargs=2, help="crop size (each config's own)")
    add('--batch-size', type=int, default=8)
    text = 'initial weights by the type of the backbone; others start from scratch'
    add('--pretrained', nargs='*', default=[], metavar='BACKBONE=FILE', help=text)
    text = 'let the others load the weights that their configs name'
    add('--own-weights', action='store_true', help=text)
    add('--tta-scales', type=float, nargs='*', default=[], help='of a test with flip')
    add('--output-stride', type=int, choices=[8, 16, 32], help='of one more test')
    add('--cfg-options', nargs='+', action=DictAction, default={})
    add('--document', help='Markdown file that gets the table')
    add('--name', default='camvid', help='its name in this file')


def run(args: Namespace) -> None:
    """Measure the rows, then write table and scatter plot; a failed row is skipped."""
    failures = 0
    for config in args.configs:
        print(f'{Path(config).stem} ...', flush=True)
        try:
            print(f'  mIoU {run_row(config, args)["mIoU"]:.2f}', flush=True)
        except RuntimeError as error:
            failures += 1
            print(f'  failed: {error}', flush=True)
    text = table_text(read_rows(args.work_dir))
    print(text)
    plot_scatter([args.work_dir], Path(args.work_dir) / 'scatter.png')
    if args.document:
        write_into(args.document, args.name, text)
    if failures:
        raise SystemExit(f'{failures} of {len(args.configs)} rows failed')


def run_row(config: str, args: Namespace) -> Row:
    """Train, test and count one config, as far as its ``row.json`` lacks it."""
    folder = Path(args.work_dir) / Path(config).stem
    cfg = row_config(config, args)
    row, file = describe(config, cfg, args), folder / 'row.json'
    if file.is_file():
        done = read_json(file)
        pairs = {key: (done.get(key), value) for key, value in row.items()}
        if changed := {key: (a, b) for key, (a, b) in pairs.items() if a != b}:
            raise InputError(
                f'{file} was made with other settings (then, now): {changed}; use '
                'another work folder, or remove it'
            )
        row = done
    for suffix, options in tests_of(cfg, args).items():
        if f'mIoU{suffix}' in row:
            continue
        metrics = dict(mIoU=None, aAcc=None)
        if options is not None:
            checkpoint, out = train(cfg, folder), folder / f'test{suffix}'
            metrics = test(folder / 'config.py', checkpoint, out, options)['metrics']
        row |= {f'{name}{suffix}': metrics[name] for name in ('mIoU', 'aAcc')}
        write_json(file, row)
    return row


def tests_of(cfg: Config, args: Namespace) -> dict[str, list[str] | None]:
    """Return the options of each test by a suffix; None if the network lacks them."""
    found: dict[str, list[str] | None] = {'': []}
    if args.tta_scales:
        found['_tta'] = ['--tta']
    if stride := args.output_stride:
        found[f'_os{stride}'] = ['--output-stride', str(stride)]
        try:
            set_output_stride(cfg.model.to_dict(), stride)
        except ValueError:
            found[f'_os{stride}'] = None
    return found


def row_config(config: str, args: Namespace) -> Config:
    """Return the whole config of a row, with the settings that all rows share."""
    options = dict(args.cfg_options)
    if args.crop:
        options['crop_size'] = tuple(args.crop)
    cfg = read_config(config, options)
    schedule = Config.fromfile(args.schedule) if args.schedule else {}
    for key in SCHEDULE_KEYS:  # Config.update would merge them
        if key in schedule:
            cfg[key] = schedule[key]
    set_steps(cfg, args.steps or cfg.train_cfg.max_iters)
    cfg.train_dataloader.batch_size = args.batch_size
    weights = dict(item.split('=', 1) for item in args.pretrained)
    backbone = cfg.model.backbone
    if backbone.type in weights:
        checkpoint = str(Path(weights[backbone.type]).resolve())
        backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    elif not args.own_weights:
        backbone.init_cfg = None
    for _, node in named_dicts(cfg.tta_pipeline) if args.tta_scales else ():
        if node.get('type') == 'TestTimeAug':
            resize = dict(type='Resize', keep_ratio=True)
            scales = [dict(resize, scale_factor=scale) for scale in args.tta_scales]
            node['transforms'][0] = scales
    cfg.pop('auto_scale_lr', None)
    return cfg


def set_steps(cfg: Config, steps: int) -> None:
    """Stretch or shorten the schedule, without validation: the table has its tests."""
    old = cfg.train_cfg.max_iters
    for part in cfg.param_scheduler:
        begin = round(part.get('begin', 0) * steps / old)
        end = round(part.get('end', old) * steps / old)
        part.update(begin=begin, end=max(begin + 1, end))
    cfg.train_cfg.update(max_iters=steps, val_interval=steps)
    cfg.update(val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.default_hooks.checkpoint.update(
        interval=max(1, steps // 4), max_keep_ckpts=1, save_best=None
    )


def describe(config: str, cfg: Config, args: Namespace) -> Row:
    """Return what a row holds besides its results."""
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    padding = cfg.model.data_preprocessor.get('test_cfg') or {}
    divisor = padding.get('size_divisor') or 1
    size = [math.ceil(s / divisor) * divisor for s in sample['inputs'].shape[1:]]
    cost = complexity(cfg.model.to_dict(), size)
    weights = (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint')
    return dict(
        config=Path(config).stem,
        weights='ImageNet' if weights else 'none',
        crop_size=list(cfg.model.data_preprocessor.size),
        batch_size=args.batch_size,
        steps=cfg.train_cfg.max_iters,
        schedule=args.schedule and Path(args.schedule).stem,
        tta_scales=list(args.tta_scales),
        image_size=size,
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
    )


def train(cfg: Config, folder: Path) -> Path:
    """Train, or continue a training, and return the last checkpoint."""
    last = folder / f'iter_{cfg.train_cfg.max_iters}.pth'
    if not last.is_file():
        write_whole(cfg.pretty_text.encode(), folder / 'config.py')
        arguments = [folder / 'config.py', '--work-dir', folder, '--resume']
        run_tool('train.py', arguments, folder)
    return last


def test(
    config: str | Path, checkpoint: str | Path, out: Path, options: Sequence[Any]
) -> dict[str, Any]:
    """Test in another process, ``--cfg-options`` last; return the metric's report."""
    report = out / 'metrics.json'
    more = [] if '--cfg-options' in options else ['--cfg-options']
    more.append(f'test_evaluator.report_file={report}')
    run_tool('test.py', [config, checkpoint, '--work-dir', out, *options, *more], out)
    return read_json(report)


def run_tool(
    name: str,
    arguments: Sequence[Any],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run one of ``tools/`` in another process, with its output in a log file."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f'{Path(name).stem}.log'
    command = [sys.executable, str(ROOT / 'tools' / name), *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), **(environment or {})}
    with log.open('ab') as stream:
        done = subprocess.run(command, stdout=stream, stderr=stream, env=environment)
    if code := done.returncode:
        raise RuntimeError(f'tools/{name} ended with {code}; its output is in {log}')


def read_rows(work_dir: str | Path) -> list[Row]:
    """Return the finished rows in a table's work folder, the best mIoU first."""
    files = sorted(Path(work_dir).glob('*/row.json'))
    if not files:
        raise FileNotFoundError(f'{work_dir}: no */row.json, so no row is finished')
    rows = [read_json(file) for file in files]
    return sorted(rows, key=lambda row: -row['mIoU'])


def table_text(rows: Sequence[Row]) -> str:
    """Return a sentence about what all rows share, and the table in Markdown."""
    row = rows[0]
    crop, image = ('x'.join(map(str, row[key])) for key in ('crop_size', 'image_size'))
    scales = ', '.join(f'{scale:g}' for scale in row['tta_scales']) or 'none'
    schedule = f'schedule `{row["schedule"]}`' if row['schedule'] else 'own schedules'
    columns = {
        'config': lambda row: f'`{row["config"]}`',
        'ImageNet weights': lambda row: 'yes' if row['weights'] == 'ImageNet' else 'no',
        'mIoU': percent(lambda row: row['mIoU']),
        'scales + flip': percent(lambda row: row['mIoU_tta']),
        'output stride 8': percent(lambda row: row['mIoU_os8']),
        'aAcc': percent(lambda row: row['aAcc']),
        'parameters, M': lambda row: f'{row["parameters"] / 1e6:.2f}',
        'multiply-adds, G': lambda row: f'{row["multiply_adds"] / 1e9:.2f}',
    }
    return (
        f'{row["steps"]} steps of {row["batch_size"]} crops of {crop}, {schedule}; '
        f'tested on whole images of {image}, to which the multiply-adds belong; scales '
        f'of the second test: {scales}.\n\n{markdown_table(columns, rows)}'
    )
