"""Every schedule: the learning rate at each step, against its closed form."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmseg.registry import MODELS, PARAM_SCHEDULERS
from torch import nn

FOLDER = Path(__file__).resolve().parents[1] / 'configs' / '_base_' / 'schedules'
ALL = sorted(path.stem for path in FOLDER.glob('*.py'))


def poly(
    start: float, end: int, power: float = 0.9, floor: float = 0.0, begin: int = 0
) -> Callable[[int], float]:
    """mmengine arrives at the floor in the last iteration."""

    def rate(step: int) -> float:
        share = 1 - (step - begin) / (end - begin - 1)
        return (start - floor) * share**power + floor

    return rate


def cosine(start: float, end: int, begin: int = 0) -> Callable[[int], float]:
    period = end - begin
    return lambda step: start * (1 + math.cos(math.pi * (step - begin) / period)) / 2


def after_warm_up(
    decline: Callable[[int], float], start: float, warm: int, first: float
) -> Callable[[int], float]:
    """Rise from a share of ``start`` for ``warm`` steps, then follow ``decline``."""

    def rate(step: int) -> float:
        if step >= warm:
            return decline(step)
        return start * (first + (1 - first) * step / (warm - 1))

    return rate


def transformer_160k(start: float) -> Callable[[int], float]:
    decline = poly(start, 160000, power=1.0, begin=1500)
    return after_warm_up(decline, start, warm=1500, first=1e-6)


def warmed_up_from_the_start(start: float, end: int, warm: int) -> Callable:
    # detectron2's WarmupPolyLR declines during the warm-up, too.
    decline = poly(start, end)
    return lambda step: decline(step) * (1e-3 + (1 - 1e-3) * min(step / (warm - 1), 1))


# Steps, weight decay, and the rate of a group whose multiplier is 1.
RECIPES = dict(
    autodeeplab_1500k=(1500000, 4e-5, poly(0.05, 1500000)),
    deeplabv1_6k=(6000, 5e-4, lambda step: 1e-3 * 0.1 ** (step // 2000)),
    deeplabv2_20k=(200000, 5e-4, poly(2.5e-4, 200000)),
    deeplabv2_4k=(4000, 5e-4, poly(2.5e-4, 4000)),
    deeplabv2_vgg16_20k=(20000, 5e-4, poly(1e-3, 20000)),
    deeplabv3_30k=(30000, 1e-4, poly(0.007, 30000)),
    deeplabv3_os8_30k=(30000, 1e-4, poly(0.001, 30000)),
    deeplabv3plus_30k=(30000, 1e-4, poly(0.007, 30000)),
    poly_20k=(20000, 5e-4, poly(0.01, 20000, floor=1e-4)),
    poly_40k=(40000, 5e-4, poly(0.01, 40000, floor=1e-4)),
    poly_80k=(80000, 5e-4, poly(0.01, 80000, floor=1e-4)),
    poly_160k=(160000, 5e-4, poly(0.01, 160000, floor=1e-4)),
    poly_320k=(320000, 5e-4, poly(0.01, 320000, floor=1e-4)),
    camvid_table=(4000, 5e-4, poly(0.01, 4000)),
    cosine_40k=(40000, 5e-4, cosine(0.01, 40000)),
    # 20210 images, the last and smaller batch of an epoch dropped.
    composer_sgd_127e=(
        20210 // 16 * 127,
        5e-4,
        poly(0.01, 20210 // 16 * 127, floor=0.01 * 0.01),
    ),
    composer_sgdw_128e=(20210 // 32 * 128, 2e-5, cosine(0.01, 20210 // 32 * 128)),
    adamw_160k=(160000, 0.01, transformer_160k(6e-5)),
    adamw_convnext_160k=(160000, 0.05, transformer_160k(1e-4)),
    **dict.fromkeys(
        ('adamw_short', 'camvid_short'),
        (800, 0.01, after_warm_up(poly(0.001, 800, begin=40), 0.001, 40, first=0.1)),
    ),
    detectron2_90k=(90000, 1e-4, warmed_up_from_the_start(0.01, 90000, 1000)),
    panoptic_90k=(90000, 0.0, poly(5e-5, 90000)),
    panoptic_warmup_90k=(90000, 0.0, warmed_up_from_the_start(1e-3, 90000, 1000)),
    panoptic_coco_200k=(200000, 0.0, warmed_up_from_the_start(5e-4, 200000, 1000)),
    scratch_adamw_cosine=(
        1000,
        0.01,
        after_warm_up(cosine(0.01, 1000, begin=150), 0.01, 150, first=0.04),
    ),
    scratch_adamw=(1400, 0.01, poly(0.006, 1400)),
)


def schedule(name: str) -> Config:
    return Config.fromfile(FOLDER / f'{name}.py')


class TinyConvNeXt(nn.Module):
    """Stages with biases, and a norm; the class is named as the optimizer expects."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(2, 2, 1) for _ in range(4))
        self.norm = nn.BatchNorm2d(2)


class Segmentor(nn.Module):
    """That backbone, and the head of DeepLab v1."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = TinyConvNeXt()
        self.decode_head = MODELS.build(
            dict(type='LargeFOVHead', in_channels=2, channels=2, num_classes=2)
        )


def groups(name: str) -> list[tuple[set[str], float, float]]:
    """Names, rate and decay of each group that has parameters."""
    model = Segmentor()
    names = {id(p): key for key, p in model.named_parameters()}
    wrapper = build_optim_wrapper(model, schedule(name).optim_wrapper)
    return [
        ({names[id(p)] for p in group['params']}, group['lr'], group['weight_decay'])
        for group in wrapper.param_groups
        if group['params']
    ]


def rates(config: Config) -> list[float]:
    """The rate of mmengine at every iteration, for a multiplier of 1."""
    options = config.optim_wrapper.optimizer
    optim = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=options.lr)
    schedulers = [
        PARAM_SCHEDULERS.build(
            dict(item), default_args=dict(optimizer=OptimWrapper(optim))
        )
        for item in config.param_scheduler
    ]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # no optimizer.step() in between
        for _ in range(config.train_cfg.max_iters):
            found.append(optim.param_groups[0]['lr'])
            for item in schedulers:
                item.step()
    return found


LONG = [pytest.mark.slow]


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=LONG if RECIPES[n][0] > 20000 else []) for n in RECIPES],
)
def test_rate_follows_its_closed_form(name):
    steps, _, expected = RECIPES[name]
    config = schedule(name)
    assert config.train_cfg.max_iters == steps
    if steps > 10**6:  # too many to take: the same curve in a hundredth of them
        steps, expected = steps // 100, poly(0.05, steps // 100)
        config.param_scheduler[0].end = config.train_cfg.max_iters = steps
    found = rates(config)
    assert len(found) == steps
    looked_at = {steps * eighth // 8 for eighth in range(8)}
    looked_at |= {1, 1499, 1500, 1999, 2000, steps - 1}
    looked_at = sorted(step for step in looked_at if step < steps)
    assert [found[step] for step in looked_at] == pytest.approx(
        [expected(step) for step in looked_at], rel=1e-6, abs=1e-12
    )


@pytest.mark.parametrize('name', ALL)
def test_every_schedule_is_whole_and_has_the_optimizer_of_its_recipe(name):
    config = schedule(name)
    keys = {'optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg'}
    assert keys <= set(config.keys())
    last = config.param_scheduler[-1]
    assert not last.by_epoch
    assert last.get('end', config.train_cfg.max_iters) == config.train_cfg.max_iters
    options = config.optim_wrapper.optimizer
    kinds = dict(composer_sgdw_128e='DecoupledSGDW', camvid_short='AdamW')
    kind = 'AdamW' if 'adamw' in name else kinds.get(name, 'SGD')
    kind = 'Adam' if name.startswith('panoptic') else kind
    assert (options.type, options.weight_decay) == (kind, RECIPES[name][1])
    assert kind.startswith('Adam') or options.momentum == 0.9
    build_optim_wrapper(Segmentor(), config.optim_wrapper)


@pytest.mark.parametrize('name', ['deeplabv1_6k', 'deeplabv2_vgg16_20k'])
def test_only_fc8_is_fast_and_biases_have_no_decay_on_vgg(name):
    found = {rate: (names, decay) for names, rate, decay in groups(name)}
    branch = 'decode_head.branches.0'
    stages = [f'backbone.stages.{i}' for i in range(4)]
    weights = {f'{m}.weight' for m in [*stages, f'{branch}.fc6', f'{branch}.fc7']}
    biases = {f'{m}.bias' for m in [*stages, f'{branch}.fc6', f'{branch}.fc7']}
    assert found == {
        1e-3: (weights | {'backbone.norm.weight', 'backbone.norm.bias'}, 5e-4),
        2e-3: (biases, 0.0),
        1e-2: ({f'{branch}.fc8.weight'}, 5e-4),
        2e-2: ({f'{branch}.fc8.bias'}, 0.0),
    }


@pytest.mark.parametrize('name', ['deeplabv3_30k', 'deeplabv3plus_30k', 'poly_40k'])
def test_one_rate_for_the_whole_network(name):
    ((names, _, _),) = groups(name)
    assert names == {key for key, _ in Segmentor().named_parameters()}


def test_heads_are_ten_times_as_fast_and_norms_do_not_decay_with_adamw():
    for names, rate, decay in groups('adamw_160k'):
        for key in names:
            assert rate == pytest.approx(6e-4 if 'decode_head' in key else 6e-5)
            assert decay == (0.0 if 'norm' in key else 0.01)


def test_stages_of_convnext_are_slower_towards_the_image():
    found = {
        key: (rate, decay)
        for names, rate, decay in groups('adamw_convnext_160k')
        for key in names
    }
    for stage in range(4):
        rate = 1e-4 * 0.9 ** (6 - stage)  # 8 levels, the stages are 1 to 4 of 0 to 7
        prefix = f'backbone.stages.{stage}'
        assert found[f'{prefix}.weight'] == (pytest.approx(rate), 0.05)
        assert found[f'{prefix}.bias'] == (pytest.approx(rate), 0.0)
    head = found['decode_head.branches.0.fc8.weight']
    assert head == (pytest.approx(1e-4), 0.05)
