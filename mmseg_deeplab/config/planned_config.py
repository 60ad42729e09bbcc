"""Write a config for a folder of data and this machine, with the reason of each choice.

The rules are in :mod:`.planning_rules`, and their evidence in docs/auto_config.md.
"""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import load, local_file
from mmseg_deeplab.models.output_stride import (
    argument_default,
    current_output_stride,
    set_output_stride,
)
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError, reason

from . import planning_rules as rules
from .config_file import read_config
from .data_summary import DataSummary, find_class_list, summarise
from .shipped import configs_folder
from .step_timing import Machine, Timing, this_machine, time_config

MODEL, MODEL_ON_GPU = 'deeplabv3plus_mobilenetv2', 'deeplabv3plus_r50'
BATCH, BATCH_ON_GPU = 4, 8
PROBE_PIXELS = 256**2  # of the crop that is timed first
SCRATCH = 'none'  # as --pretrained
# ImageNet's mean and deviation in RGB, as torchvision and mmpretrain have them.
IMAGENET = np.array([[123.675, 116.28, 103.53], [58.395, 57.12, 57.375]])


@dataclass(frozen=True)
class Plan:
    """What a config is made of: the facts, and the choices by timing."""

    data: DataSummary
    machine: Machine
    model: str  # name of a base in configs/_base_/models
    base: Config  # its content
    budget: float  # seconds
    checkpoint: str | None  # initial weights; None keeps those of the base
    crop: rules.Size
    batch: int = rules.SMALLEST_BATCH
    steps: int = rules.LEAST_STEPS
    interval: int = rules.LEAST_STEPS


def write_planned_config(
    folder: str | Path,
    out: str | Path,
    *,
    model: str | None = None,
    budget: float = 1800.0,
    pretrained: str | None = None,
) -> str:
    """Write a config for the data in a folder, and return its text.

    Args:
        folder: A folder that :class:`~mmseg_deeplab.datasets.FolderDataset` reads, with
            a class list and the splits ``train`` and ``val``.
        out: The file to write.
        model: The name of a base in ``configs/_base_/models``; by default DeepLab v3+,
            on ResNet-50 where there is a GPU, else on MobileNetV2.
        budget: How long the training may take, in seconds.
        pretrained: Initial weights instead of those of the base: a file, or ``'none'``
            to train from scratch.

    Raises:
        InputError: If the data have faults, the initial weights cannot be had, or
            ``out`` is no name of a config.
    """
    if Path(out).suffix != '.py':
        raise InputError(f'{out}: the name of a config must end in .py')
    machine = this_machine()
    model = model or (MODEL_ON_GPU if machine.gpu else MODEL)
    base = read_base(model)
    find_class_list(Path(folder))  # before weights are downloaded
    checkpoint = initial_weights(base, pretrained)
    data = summarise(Path(folder), workers=machine.cores)
    crop = rules.fit_crop(data.train_size, PROBE_PIXELS)
    plan = Plan(data, machine, model, base, budget, checkpoint, crop)
    plan = fit_to_budget(plan)
    text = config_text(plan, Path(out))
    write_whole(text.encode(), Path(out))
    return text


def fit_to_budget(plan: Plan) -> Plan:
    """Choose the crop, the batch and the steps, by timing some."""
    memory, size = plan.machine.memory, plan.data.train_size
    timing = time_plan(plan)
    most = BATCH_ON_GPU if plan.machine.gpu else BATCH
    pixels = rules.affordable_pixels(
        plan.budget,
        batch=most,
        seconds_per_pixel=timing.step_s / (plan.batch * plan.crop[0] * plan.crop[1]),
        bytes_per_pixel=timing.bytes_per_pixel,
        memory=memory,
    )
    crop = rules.fit_crop(size, pixels)
    batch = rules.fit_batch(most, crop, timing.bytes_per_pixel, memory)
    plan = replace(plan, crop=crop, batch=batch)
    timing = time_plan(plan)
    validation_s = timing.image_s * plan.data.images[1]
    steps, interval = rules.share_budget(
        plan.budget, step_s=timing.step_s, validation_s=validation_s
    )
    return replace(plan, steps=steps, interval=interval)


def time_plan(plan: Plan) -> Timing:
    """Time a few steps of what the plan says, in this process."""
    with TemporaryDirectory() as name:
        path = Path(name) / 'planned.py'
        path.write_text(config_text(plan, path), encoding='utf-8')
        loaders = ('train_dataloader', 'val_dataloader')
        cfg = read_config(path, {f'{loader}.num_workers': 0 for loader in loaders})
    return time_config(cfg, plan.machine.cores)


def read_base(name: str) -> Config:
    """Read a network of the shipped configs; an unknown one is an InputError."""
    folder = configs_folder() / '_base_' / 'models'
    path = folder / f'{Path(name).stem}.py'
    if not path.is_file():
        known = ', '.join(sorted(file.stem for file in folder.glob('*.py')))
        raise InputError(f'--model {name!r}: no such network; there are {known}')
    return Config.fromfile(path)


def initial_weights(base: Config, pretrained: str | None) -> str | None:
    """Return the file of initial weights; None keeps those of the network."""
    if pretrained == SCRATCH:
        return SCRATCH
    if pretrained:
        file = local_file(pretrained)
        if '://' in file:
            return file
        load(file)  # which refuses what is no checkpoint
        return str(Path(file).expanduser().resolve())
    init = base.model.backbone.get('init_cfg') or {}
    if checkpoint := init.get('checkpoint'):
        try:
            local_file(checkpoint)
        except (OSError, InputError) as error:
            why = reason(error).partition('. Remedy: ')[0]
            raise InputError(
                f'the initial weights {checkpoint} cannot be had: {why}. '
                'Remedy: --pretrained FILE, or --pretrained none to train from '
                'scratch, which needs far more steps'
            ) from error
    return None


def config_text(plan: Plan, out: Path) -> str:
    """Return the text of the config that ``out`` shall hold."""
    data, cores = plan.data, plan.machine.cores
    names = (f'models/{plan.model}', 'datasets/folder', 'schedules/adamw_short')
    bases = [f'_base_/{name}.py' for name in (*names, 'default_runtime')]
    paths = ',\n    '.join(repr(str(base_path(base, out))) for base in bases)
    workers, warm = max(1, min(4, cores - 1)), max(1, min(40, plan.steps // 10))
    model = '\n'.join(f'    {line}' for line in model_lines(plan))
    dataset = f'data_root=data_root, labels_file={data.class_list!r}'
    return f'''\
"""{plan.model} on {data.folder.name}, written by mmseg-deeplab init.

{data}
{plan.machine}; the rules are in docs/auto_config.md.

    mmseg-deeplab train {shlex.quote(str(out))}
"""

_base_ = [
    {paths},
]
data_root = {str(data.folder)!r}
num_classes = {len(data.classes)}
# {reason_of_crop(plan)}
crop_size = {plan.crop}
pipeline = [
    dict(step, crop_size=crop_size) if step.type == 'RandomCrop' else step
    for step in _base_.train_pipeline
]
train_dataloader = dict(
    batch_size={plan.batch},
    num_workers={workers},
    dataset=dict({dataset}, pipeline=pipeline),
)
val_dataloader = dict(
    num_workers={workers}, dataset=dict({dataset})
)
test_dataloader = val_dataloader
model = dict(
{model}
)
# What fits into {plan.budget / 60:.3g} minutes; {rules.LEAST_STEPS} steps at least.
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end={warm}, by_epoch=False),
    dict(type='PolyLR', power=0.9, begin={warm}, end={plan.steps}, by_epoch=False),
]
train_cfg = dict(max_iters={plan.steps}, val_interval={plan.interval})
# Each validation may be the best one, whose checkpoint is kept.
default_hooks = dict(
    logger=dict(interval={max(1, min(50, plan.interval // 2))}),
    checkpoint=dict(interval={plan.interval}, save_best='mIoU'),
)
'''


def reason_of_crop(plan: Plan) -> str:
    """Say why the crop is no larger."""
    if plan.crop == rules.fit_crop(plan.data.train_size, rules.LARGEST_CROP**2):
        return 'As large as the images, or as the crops of the papers.'
    return (
        f'A larger crop would leave fewer than {rules.FEWEST_STEPS} steps, or not fit '
        'into memory.'
    )


def model_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of the model: each choice after its reason."""
    data, model = plan.data, plan.base.model
    preprocessor, backbone, head = 'size=crop_size', [], 'num_classes=num_classes'
    if own := normalisation(model.data_preprocessor, data):
        yield '# The images differ from the photographs of ImageNet.'
        preprocessor += f', mean={own[0]}, std={own[1]}'
    yield f'data_preprocessor=dict({preprocessor}),'
    stride, rates = current_output_stride(model), model.decode_head.get('dilations')
    if stride and has_stride_argument(model):
        has_low_level = 'c1_in_channels' in model.decode_head
        chosen = rules.choose_stride(
            stride, data.thinnest[0], has_low_level=has_low_level
        )
        if rates and chosen != stride:
            rates = set_output_stride(model, chosen)['decode_head']['dilations']
        stride = chosen
        backbone.append(f'output_stride={stride}')
        yield f'# The thinnest objects are {data.thinnest[0]:.0f} pixels thick.'
    if plan.checkpoint == SCRATCH:
        backbone.append('init_cfg=None')
        if 'frozen_bn' in model.backbone:
            backbone.append("frozen_bn='none'")
    elif plan.checkpoint:
        backbone.append(f'init_cfg=dict(checkpoint={plan.checkpoint!r})')
    yield f'backbone=dict({", ".join(backbone)}),'
    if stride and rates:
        features = rules.feature_map(plan.crop, stride)
        head += f', dilations={tuple(rules.fit_rates(rates, features))}'
        yield f'# Rates for the {features[0]}x{features[1]} features of a crop.'
    if data.weights:
        head += f', loss_decode=dict(class_weight={data.weights})'
        yield f'# A class has less than {rules.RARE_SHARE:.0%} of the pixels.'
    yield f'decode_head=dict({head}),'
    if rules.is_tested_whole(data.largest_size, plan.crop):
        yield '# Images are not much larger than the crop.'
        yield "test_cfg=dict(mode='whole'),"
    else:
        window = f'crop_size=crop_size, stride={rules.window_stride(plan.crop)}'
        yield '# Images are much larger than the crop: windows that overlap.'
        yield f"test_cfg=dict(mode='slide', {window}),"


def normalisation(
    preprocessor: dict, data: DataSummary
) -> tuple[list[float], list[float]] | None:
    """Return the mean and deviation of the preprocessor, None to keep its own."""
    in_order = -1 if preprocessor.get('bgr_to_rgb') else 1  # images are loaded as BGR
    own = data.mean[::in_order], data.deviation[::in_order]
    network = np.array(preprocessor['mean']), np.array(preprocessor['std'])
    seen = IMAGENET if in_order == -1 else IMAGENET[:, ::-1]
    return rules.choose_normalisation(own, network, (seen[0], seen[1]))


def has_stride_argument(model: dict) -> bool:
    """Say whether a config may set the output stride of the backbone."""
    init_default_scope('mmseg')
    kind = MODELS.get(model['backbone']['type'])
    return argument_default(kind, 'output_stride') is not None


def base_path(shipped: str, out: Path) -> Path:
    """Return the path of a shipped base as the config names it.

    It is relative where the config lies in the same clone.
    """
    root, folder = configs_folder(), out.resolve().parent
    is_near = folder.is_relative_to(root.parent) and root.name == 'configs'
    return Path(os.path.relpath(root / shipped, folder)) if is_near else root / shipped
