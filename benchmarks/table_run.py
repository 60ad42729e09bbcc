"""Train and test one configuration for a comparison table; skip what is done."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_deeplab.config.prepare import load_config
from mmseg_deeplab.models import set_output_stride
from mmseg_deeplab.utils.atomic_files import write_whole

from .complexity import complexity

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
SCHEDULE_KEYS = ('optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg')


@dataclass(frozen=True)
class Protocol:
    """What all rows of a table share.

    Args:
        crop_size: Height and width of the training crops, pixels, or None for each
            config's own.
        batch_size: Crops per step.
        schedule: Config file whose optimizer, schedule and loop replace each config's
            own, or None.
        steps: Length of the training, or None for the schedule's own.
        pretrained: Checkpoint by type of backbone; the others start from scratch.
        own_weights: Let the others load what their config says (a download) instead.
        tta_scales: Scales of a second evaluation, which also flips; none skips it.
        output_stride: Of a further evaluation, for networks that have one; None skips
            it.
        options: Further dotted settings, such as ``data_root``.
    """

    crop_size: tuple[int, int] | None
    batch_size: int
    schedule: str | None = None
    steps: int | None = None
    pretrained: Mapping[str, str] = field(default_factory=dict)
    own_weights: bool = False
    tta_scales: Sequence[float] = ()
    output_stride: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def run_row(config: str, work_dir: str | Path, protocol: Protocol) -> dict[str, Any]:
    """Train, test and count one configuration.

    Everything lies in ``work_dir/<config name>``: the whole config, the training, the
    evaluations and ``row.json``. A second call goes on where the first stopped, and
    only evaluates what ``row.json`` lacks.

    Args:
        config: Config file of the row.
        work_dir: Folder of the table.
        protocol: What all rows share.

    Returns:
        The row: names, settings, mIoU and aAcc of each evaluation, parameters and
        multiply-adds.

    Raises:
        ValueError: If the row was made by another protocol.
        RuntimeError: If training or testing failed; says where its log is.
    """
    folder = Path(work_dir) / Path(config).stem
    cfg = row_config(config, protocol)
    row = describe(config, cfg, protocol)
    done = folder / 'row.json'
    if done.is_file():
        row = check_same(json.loads(done.read_text()), row, done)
    for suffix, options in evaluations(cfg, protocol).items():
        if f'mIoU{suffix}' in row:
            continue
        figures = dict(mIoU=None, aAcc=None)
        if options is not None:
            checkpoint = train(cfg, folder)
            figures = evaluate(folder, checkpoint, suffix, options)
        row |= {f'{name}{suffix}': value for name, value in figures.items()}
        write_whole(json.dumps(row, indent=1).encode() + b'\n', done)
    return row


def evaluations(cfg: Config, protocol: Protocol) -> dict[str, list[str] | None]:
    """Return the options of each evaluation by the suffix of its figures.

    None stands for what the network cannot do.
    """
    found: dict[str, list[str] | None] = {'': []}
    if protocol.tta_scales:
        found['_tta'] = ['--tta']
    if protocol.output_stride is not None:
        stride = protocol.output_stride
        try:
            set_output_stride(cfg.model.to_dict(), stride)
        except ValueError:  # not this one
            found[f'_os{stride}'] = None
        else:
            found[f'_os{stride}'] = ['--output-stride', str(stride)]
    return found


def train(cfg: Config, folder: Path) -> Path:
    """Train to the end, or go on, and return the last checkpoint."""
    last = folder / f'iter_{cfg.train_cfg.max_iters}.pth'
    if not last.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / 'config.py'
        write_whole(cfg.pretty_text.encode(), config)
        run_tool('train.py', [config, '--work-dir', folder, '--resume'], folder)
    return last


def row_config(config: str, protocol: Protocol) -> Config:
    """Return the whole config of a row: its own, under the table's protocol."""
    cfg = load_config(config, cfg_options=dict(protocol.options))
    if protocol.schedule is not None:
        schedule = Config.fromfile(protocol.schedule)
        for key in SCHEDULE_KEYS:  # Config.update would merge them
            if key in schedule:
                cfg[key] = schedule[key]
    set_steps(cfg, protocol.steps or cfg.train_cfg.max_iters)
    if protocol.crop_size is not None:
        set_crop(cfg, protocol.crop_size)
    cfg.train_dataloader.batch_size = protocol.batch_size
    set_weights(cfg.model.backbone, protocol)
    if protocol.tta_scales:
        set_tta_scales(cfg.tta_pipeline, protocol.tta_scales)
    cfg.pop('auto_scale_lr', None)
    return cfg


def set_steps(cfg: Config, steps: int) -> None:
    """Stretch or shorten the schedule; the table's test replaces the validation."""
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


def set_crop(cfg: Config, crop_size: tuple[int, int]) -> None:
    """Set the crop of the training pipeline and of the batches.

    Raises:
        ValueError: If the pipeline crops nowhere.
    """
    dataset = cfg.train_dataloader.dataset
    kinds = ('RandomCrop', 'LeanRandomCrop')
    crops = [found for kind in kinds for found in find_transforms(dataset, kind)]
    if not crops:
        raise ValueError('train_dataloader has no RandomCrop whose size could be set')
    for crop in crops:
        crop['crop_size'] = crop_size
    cfg.model.data_preprocessor.size = crop_size


def find_transforms(node: Any, kind: str) -> list[dict]:
    """Return the transforms of one type at any depth of a config."""
    if isinstance(node, list | tuple):
        return [found for child in node for found in find_transforms(child, kind)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get('type') == kind else []
    return own + find_transforms(list(node.values()), kind)


def set_weights(backbone: ConfigDict, protocol: Protocol) -> None:
    """Let a backbone start from the protocol's file, or from scratch."""
    kind = backbone.type
    if kind in protocol.pretrained:
        checkpoint = str(Path(protocol.pretrained[kind]).resolve())
        backbone.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    elif not protocol.own_weights:
        backbone.init_cfg = None


def set_tta_scales(pipeline: list[dict], scales: Sequence[float]) -> None:
    """Set the scales of the evaluation with augmentation."""
    for augmentation in find_transforms(pipeline, 'TestTimeAug'):
        augmentation['transforms'][0] = [
            dict(type='Resize', scale_factor=scale, keep_ratio=True) for scale in scales
        ]


def describe(config: str, cfg: Config, protocol: Protocol) -> dict[str, Any]:
    """Return what a row says besides its results."""
    height, width = test_size(cfg)
    cost = complexity(cfg.model.to_dict(), (height, width))
    weights = (cfg.model.backbone.get('init_cfg') or {}).get('checkpoint')
    return dict(
        config=Path(config).stem,
        backbone=cfg.model.backbone.type,
        head=cfg.model.decode_head.type,
        weights='ImageNet' if weights else 'none',
        crop_size=list(cfg.model.data_preprocessor.size),
        batch_size=protocol.batch_size,
        steps=cfg.train_cfg.max_iters,
        schedule=protocol.schedule and Path(protocol.schedule).stem,
        tta_scales=list(protocol.tta_scales),
        image_size=[height, width],
        parameters=cost.parameters,
        multiply_adds=cost.multiply_adds,
    )


def test_size(cfg: Config) -> tuple[int, int]:
    """Return the size of the first test image, pixels, as the network sees it."""
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    sample = DATASETS.build(cfg.test_dataloader.dataset)[0]
    padding = cfg.model.data_preprocessor.get('test_cfg') or {}
    divisor = padding.get('size_divisor') or 1
    height, width = (
        math.ceil(side / divisor) * divisor for side in sample['inputs'].shape[1:]
    )
    return height, width


def check_same(row: dict, settings: dict, path: Path) -> dict:
    """Return a finished row if its settings are the present ones.

    Raises:
        ValueError: If they differ.
    """
    changed = {
        key: (row.get(key), value)
        for key, value in settings.items()
        if row.get(key) != value
    }
    if changed:
        raise ValueError(
            f'{path} was made with other settings (then, now): {changed}; take another '
            'work folder, or remove it'
        )
    return row


def evaluate(
    folder: Path, checkpoint: Path, suffix: str, options: Sequence[str]
) -> dict[str, float]:
    """Test a checkpoint and read the figures that the run logged."""
    out = folder / f'test{suffix}'
    run_tool(
        'test.py',
        [folder / 'config.py', checkpoint, '--work-dir', out, *options],
        folder,
    )
    newest = max(out.glob('*/*.json'), key=lambda path: path.stat().st_mtime)
    figures = json.loads(newest.read_text().splitlines()[-1])
    return {name: figures[name] for name in ('mIoU', 'aAcc')}


def run_tool(name: str, arguments: Sequence[Any], folder: Path) -> None:
    """Run one of ``tools/`` in a process of its own, its output in a log file.

    Raises:
        RuntimeError: If it fails.
    """
    log = folder / f'{Path(name).stem}.log'
    with log.open('ab') as stream:
        code = subprocess.run(
            [sys.executable, str(TOOLS / name), *map(str, arguments)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        raise RuntimeError(f'tools/{name} ended with {code}; its output is in {log}')
