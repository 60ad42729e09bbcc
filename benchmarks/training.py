"""A training step: forward, loss, backward and optimizer, as a runner does it."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.engine.hooks.network_speed import compile_training, network_parts

from .case import Case, Contender, Work, require
from .complexity import complexity
from .inference import V2_R50, sample_of
from .networks import Network, has_bfloat16, scenes, weaken_branches
from .report import (
    errors_text,
    limit_text,
    megabytes_text,
    memory_ratio_text,
    multiply_adds_text,
    ratio_text,
    seconds_text,
)
from .timing import Stopwatch

BATCH = 2
NETWORKS = {
    'v3_mobilenetv2': Network(
        'v3 MobileNetV2', 'deeplabv3_mobilenetv2', 150, (512, 512)
    ),
    'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 150, (512, 512)),
    'v2_r50': Network('v2 R50', 'deeplabv2_r101', 19, (321, 321), V2_R50),
}
QUICK_NETWORKS = {
    'v3_mobilenetv2': Network(
        'v3 MobileNetV2', 'deeplabv3_mobilenetv2', 150, (256, 256)
    )
}
BLOCK, IGNORED_COLUMNS = 8, 20  # pixels: labels are squares, the left edge has none
# Backward of a layer costs the gradients of its input and of its weights.
FORWARDS_PER_STEP = 3


@dataclass(frozen=True)
class Mode:
    """How a step is made.

    Args:
        text: For the table.
        channels_last: Ours in this memory format: the mixin ``fast``.
        dtype: Mixed precision of both sides; None for float32.
        compile: Ours through ``torch.compile``: the mixin ``compile_network``.
        tolerance: Of the losses, relative.
        gradient_tolerance: Of all gradients, relative to their common norm.
    """

    text: str
    channels_last: bool = False
    dtype: str | None = None
    compile: bool = False
    tolerance: float = 1e-3
    gradient_tolerance: float = 1e-3


# BatchNorm over a batch of two amplifies the rounding of other convolutions: gradients
# of MobileNetV2 that differ by 1e-2 in float32 differ by 1e-11 in float64 (the tests
# check that). Two roundings of half precision have little more than the loss in common.
ROUNDING = 0.3
HALF = dict(channels_last=True, tolerance=0.02, gradient_tolerance=math.inf)
MODES = {
    'lean': Mode('`LeanEncoderDecoder`'),
    'fast': Mode('+ `fast`', channels_last=True, gradient_tolerance=ROUNDING),
    'bfloat16': Mode('+ `fast`, both sides bfloat16', dtype='bfloat16', **HALF),
    'float16': Mode('+ `fast`, both sides float16', dtype='float16', **HALF),
    'compile': Mode(
        '+ `fast`, compiled',
        channels_last=True,
        compile=True,
        gradient_tolerance=ROUNDING,
    ),
}


@dataclass
class Step:
    """What a training step gave.

    Args:
        losses: By name.
        gradients: Of the parameters, before the optimizer forgot them.
    """

    losses: dict[str, Tensor]
    gradients: list[Tensor] = field(default_factory=list)


def training_cases(
    device: torch.device,
    *,
    networks: Mapping[str, Network] = NETWORKS,
    modes: Sequence[str] = tuple(MODES),
) -> Iterator[Case]:
    """Make a case of each network and mode.

    Args:
        device: Of both.
        networks: By name.
        modes: Keys of ``MODES``; those passed over that the device has no instructions
            for: float16 on a CPU, bfloat16 on some.

    Raises:
        ValueError: If there is no such mode.
    """
    unknown = [name for name in modes if name not in MODES]
    if unknown:
        raise ValueError(f'no mode {unknown}: choose among {list(MODES)}')
    runs = {None: True, 'float16': device.type == 'cuda'}
    runs['bfloat16'] = has_bfloat16(device)
    chosen = [MODES[name] for name in modes if runs[MODES[name].dtype]]
    for network in networks.values():
        for mode in chosen:
            yield training_case(network, mode, device)


def training_case(
    network: Network, mode: Mode, device: torch.device, *, batch: int = BATCH
) -> Case:
    """Return one case.

    Args:
        network: What is trained.
        mode: How.
        device: Of both.
        batch: Number of images.
    """
    cfg = network.config()
    cfg.data_preprocessor.size = network.size  # the host insists on it in training
    stock, ours = make_pair(cfg, mode, device)
    samples = labelled_samples(network, batch)
    data = dict(inputs=scenes(batch, network.size, device), data_samples=samples)
    height, width = network.size
    return Case(
        group=f'{network.name}, {network.num_classes} classes, '
        f'{batch} x {height} x {width}',
        name=mode.text,
        stock=Contender('EncoderDecoder', step(stock, data, mode.dtype), device),
        ours=Contender(mode.text, step(ours, data, mode.dtype), device),
        compare=partial(compare_steps, mode=mode),
        work=training_work(cfg, ours, network.size, batch),
    )


def make_pair(
    cfg: ConfigDict, mode: Mode, device: torch.device
) -> tuple[nn.Module, nn.Module]:
    """Return the host's segmentor and ours with the same random weights, to train.

    Args:
        cfg: Of both.
        mode: What is done to ours.
        device: Where to.
    """
    torch.manual_seed(0)
    stock = MODELS.build(deepcopy(cfg) | dict(type=EncoderDecoder))
    weaken_branches(stock)
    ours = MODELS.build(deepcopy(cfg) | dict(type='LeanEncoderDecoder'))
    ours.load_state_dict(stock.state_dict())
    if mode.channels_last:
        ours.to(memory_format=torch.channels_last)
    for part in network_parts(ours) if mode.compile else ():
        compile_training(part)
    return stock.train().to(device), ours.train().to(device)


def step(
    model: nn.Module, data: dict[str, Any], dtype: str | None
) -> Callable[[Stopwatch], Step]:
    """Return what makes one ``train_step`` of the host.

    SGD with momentum and a learning rate of 0: all of its work is done, and each step
    begins with the same weights.

    Args:
        model: A segmentor in training.
        data: As a data loader gives it.
        dtype: Of mixed precision, or None.
    """
    wrapper = build_optim_wrapper(model, optim_wrapper_config(dtype))
    parameters = [p for p in model.parameters() if p.requires_grad]
    for parameter in parameters:  # momentum has its memory before the first step
        parameter.grad = torch.zeros_like(parameter)
    wrapper.optimizer.step()
    wrapper.optimizer.zero_grad()
    found = []

    def keep_gradients(*_: Any) -> None:
        found[:] = [parameter.grad for parameter in parameters]

    wrapper.optimizer.register_step_post_hook(keep_gradients)

    def run(_: Stopwatch) -> Step:
        torch.manual_seed(1)  # dropout
        losses = model.train_step(data, wrapper)
        gradients = found.copy()
        found.clear()
        return Step(losses, gradients)

    return run


def optim_wrapper_config(dtype: str | None) -> dict[str, Any]:
    """Return the config of the optimizer.

    Args:
        dtype: Of mixed precision, or None.
    """
    cfg = dict(optimizer=dict(type='SGD', lr=0.0, momentum=0.9))
    if dtype is None:
        return cfg | dict(type='OptimWrapper')
    # A fixed scale: a dynamic one begins too high and skips steps.
    return cfg | dict(type='MixedPrecisionOptimWrapper', dtype=dtype, loss_scale=128.0)


def labelled_samples(network: Network, count: int) -> list[SegDataSample]:
    """Return samples with random labels in squares.

    Args:
        network: Says classes and size.
        count: How many.
    """
    generator = torch.Generator().manual_seed(0)
    height, width = network.size
    coarse = (count, 1, -(-height // BLOCK), -(-width // BLOCK))
    labels = torch.randint(network.num_classes, coarse, generator=generator)
    labels = labels.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3)
    labels = labels[..., :height, :width].contiguous()
    labels[..., :IGNORED_COLUMNS] = 255
    samples = []
    for label in labels:
        sample = sample_of(label)
        sample.gt_sem_seg = PixelData(data=label)
        samples.append(sample)
    return samples


def training_work(
    cfg: ConfigDict, model: nn.Module, size: tuple[int, int], batch: int
) -> Work:
    """Return the least work of a step.

    Args:
        cfg: Of the segmentor.
        model: The same, built: weights, gradients and momentum are read and written.
        size: Of the images.
        batch: Their number.
    """
    multiply_adds = FORWARDS_PER_STEP * batch * complexity(cfg, size).multiply_adds
    weights = sum(parameter.numel() for parameter in model.parameters())
    return Work(multiply_adds, 4 * 6 * weights + (3 + 8) * batch * size[0] * size[1])


def compare_steps(stock: Step, ours: Step, *, mode: Mode) -> dict[str, float]:
    """Return the largest relative error of a loss, and that of all gradients.

    Args:
        stock: Of the host.
        ours: The same.
        mode: Has the errors that are let pass.

    Raises:
        ResultsDiffer: If an error is larger, or there are no gradients.
    """
    pairs = list(zip(stock.gradients, ours.gradients, strict=True))
    difference = sum((a - b).double().square().sum().item() for a, b in pairs)
    norm = sum(a.double().square().sum().item() for a, _ in pairs)
    losses = [name for name in stock.losses if 'loss' in name]
    errors = dict(
        loss=max(
            abs(1 - (ours.losses[name] / stock.losses[name]).item()) for name in losses
        ),
        gradient=(difference / norm) ** 0.5 if norm else float('nan'),
    )
    near = errors['loss'] <= mode.tolerance
    same = errors['gradient'] <= mode.gradient_tolerance
    require(near and same, 'training step', errors)
    return errors


TRAINING_COLUMNS = {
    'network': lambda row: row['group'],
    'ours': lambda row: row['name'],
    'stock, ms': lambda row: seconds_text(row, 'stock', unit=1e-3),
    'ours, ms': lambda row: seconds_text(row, 'ours', unit=1e-3),
    'times faster (range)': ratio_text,
    'stock, MB': lambda row: megabytes_text(row, 'stock'),
    'ours, MB': lambda row: megabytes_text(row, 'ours'),
    'times less memory': memory_ratio_text,
    'multiply-adds, G': multiply_adds_text,
    'of the limit': limit_text,
    'errors': errors_text,
}
