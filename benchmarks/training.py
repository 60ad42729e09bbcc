"""``train``: a training step: forward, loss, backward and optimizer."""

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.engine.hooks.network_speed import compile_training, network_parts

from .case import Case, Errors, Study, require
from .inference import MNV2, V2_R50, sample_of
from .networks import Network, has_bfloat16, scenes, weaken_branches
from .report import LIMIT, columns_of, errors_text

BATCH = 2
MNV2_ADE = (*MNV2[:2], 150)
NETWORKS = {
    'v3_mobilenetv2': Network(*MNV2_ADE, (512, 512)),
    'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 150, (512, 512)),
    'v2_r50': Network('v2 R50', 'deeplabv2_r101', 19, (321, 321), V2_R50),
}
# Labels are squares; the left edge has none.
SQUARE, IGNORED_COLUMNS = 8, 20  # pixels


class Mode(NamedTuple):
    """A way to make a step."""

    text: str  # in the table
    channels_last: bool = True  # ours uses this memory format, as with `--mixin fast`
    dtype: str | None = None  # the mixed precision of both sides; None for float32
    compile: bool = False  # ours is compiled, as with `--mixin compile_network`
    tolerance: float = 1e-3  # the largest relative error of the losses
    # The largest error of all gradients, relative to their norm. BatchNorm over a batch
    # of two amplifies the rounding of other convolutions: gradients of MobileNetV2 that
    # differ by 1e-2 in float32 differ by 1e-11 in float64 (a test checks this).
    gradient_tolerance: float = 0.3


# Two results in half precision have little more in common than the loss.
HALF = dict(tolerance=0.02, gradient_tolerance=math.inf)
MODES = {
    'lean': Mode('`LeanEncoderDecoder`', channels_last=False, gradient_tolerance=1e-3),
    'fast': Mode('+ `fast`'),
    'bfloat16': Mode('+ `fast`, both sides bfloat16', dtype='bfloat16', **HALF),
    'float16': Mode('+ `fast`, both sides float16', dtype='float16', **HALF),
    'compile': Mode('+ `fast`, compiled', compile=True),
}


class Step(NamedTuple):
    """The losses by name and the gradients of the parameters of a training step."""

    losses: dict[str, Tensor]
    gradients: list[Tensor]


def training_cases(
    network: Network, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per mode, except those for which the device has no instructions."""
    supported = {None: True, 'float16': device.type == 'cuda'}
    supported['bfloat16'] = has_bfloat16(device)
    for mode in map(MODES.__getitem__, variants):
        if supported[mode.dtype]:
            yield training_case(network, mode, device)


def training_case(
    network: Network, mode: Mode, device: torch.device, *, batch: int = BATCH
) -> Case:
    """Return the case of one network and mode."""
    cfg = network.config()
    # EncoderDecoder's preprocessor needs it in training.
    cfg.data_preprocessor.size = network.size
    stock, ours = make_pair(cfg, mode, device)
    samples = labelled_samples(network, batch)
    data = dict(inputs=scenes(batch, network.size, device), data_samples=samples)
    height, width = network.size
    return Case(
        group=f'{network.name}, {network.num_classes} classes, '
        f'{batch} x {height} x {width}',
        name=mode.text,
        stock=step(stock, data, mode.dtype),
        ours=step(ours, data, mode.dtype),
        compare=partial(compare_steps, mode=mode),
        device=device,
    )


def make_pair(
    cfg: ConfigDict, mode: Mode, device: torch.device
) -> tuple[nn.Module, nn.Module]:
    """Return the stock segmentor and ours, with equal random weights, for training."""
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
) -> Callable[[], Step]:
    """Return a function that makes one ``train_step``.

    It uses SGD with momentum and a learning rate of 0: all the work is done, and each
    step begins with the same weights.
    """
    optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.0, momentum=0.9))
    if dtype is not None:
        # A dynamic loss scale would begin too high and skip steps.
        kind = 'MixedPrecisionOptimWrapper'
        optim_wrapper |= dict(type=kind, dtype=dtype, loss_scale=128.0)
    wrapper = build_optim_wrapper(model, optim_wrapper)
    parameters = [p for p in model.parameters() if p.requires_grad]
    for parameter in parameters:  # allocates the momentum before the first step
        parameter.grad = torch.zeros_like(parameter)
    wrapper.optimizer.step()
    wrapper.optimizer.zero_grad()
    found: list[Tensor] = []

    def keep_gradients(*_: Any) -> None:
        found[:] = [parameter.grad for parameter in parameters]

    wrapper.optimizer.register_step_post_hook(keep_gradients)

    def run() -> Step:
        torch.manual_seed(1)  # for dropout
        losses = model.train_step(data, wrapper)
        gradients = found.copy()
        found.clear()
        return Step(losses, gradients)

    return run


def labelled_samples(network: Network, count: int) -> list[SegDataSample]:
    """Return samples with random labels in squares."""
    generator = torch.Generator().manual_seed(0)
    height, width = network.size
    coarse = (count, 1, -(-height // SQUARE), -(-width // SQUARE))
    labels = torch.randint(network.num_classes, coarse, generator=generator)
    labels = labels.repeat_interleave(SQUARE, 2).repeat_interleave(SQUARE, 3)
    labels = labels[..., :height, :width].contiguous()
    labels[..., :IGNORED_COLUMNS] = 255
    samples = [sample_of(label) for label in labels]
    for sample, label in zip(samples, labels, strict=True):
        sample.gt_sem_seg = PixelData(data=label)
    return samples


def compare_steps(stock: Step, ours: Step, *, mode: Mode) -> Errors:
    """Return the largest relative error of a loss, and that of all gradients."""
    pairs = list(zip(stock.gradients, ours.gradients, strict=True))
    difference = sum((a - b).double().square().sum().item() for a, b in pairs)
    norm = sum(a.double().square().sum().item() for a, _ in pairs)
    losses = [
        (v, ours.losses[name]) for name, v in stock.losses.items() if 'loss' in name
    ]
    errors = dict(
        loss=max(abs(1 - (b / a).item()) for a, b in losses),
        gradient=(difference / norm) ** 0.5 if norm else float('nan'),
    )
    near = errors['loss'] <= mode.tolerance
    same = errors['gradient'] <= mode.gradient_tolerance
    require(near and same, 'training step', errors)
    return errors


STUDY = Study(
    help='a training step: forward, loss, backward, optimizer',
    columns=columns_of(('network', 'ours'), {**LIMIT, 'errors': errors_text}),
    subjects=NETWORKS,
    quick={'v3_mobilenetv2': Network(*MNV2_ADE, (256, 256))},
    cases=training_cases,
    variants=tuple(MODES),
)
