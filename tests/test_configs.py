"""Every leaf config agrees with its data set, predicts and trains a step.

The networks see images of 33x33, and repeated noise takes the place of random initial
values, which would take longer than the step. Leaves with small networks are tried in
the quick tier, all others in the slow one.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.utils import import_modules_from_strings
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from panoptic_network import random_targets
from small_segmentor import random_images, random_samples
from torch import nn

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import replace_sync_bn
from mmseg_deeplab.config.scan_config import dataset_configs
from mmseg_deeplab.models import PanopticDeepLab

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
QUICK = re.compile(
    r'\w+_(synthetic_streets|folder|mobilenetv[\d_s]+_camvid)|segformer\w+'
)
NETWORKS = [
    pytest.param(leaf, marks=[] if QUICK.fullmatch(leaf.stem) else pytest.mark.slow)
    for leaf in LEAVES
]
LABELS = 'sky\nroad\ncar\n'  # of the folder data set
NOISE = torch.randn(2**20, generator=torch.Generator().manual_seed(0))
RANDOM = ('kaiming_normal_', 'kaiming_uniform_', 'normal_', 'trunc_normal_', 'uniform_')


def name_of(leaf: Path) -> str:
    return leaf.stem


def read(leaf: Path, folder: Path) -> Config:
    options = {}
    if leaf.stem.endswith('_folder'):
        options['data_root'] = str(folder)
        (folder / 'labels.txt').write_text(LABELS)
    config = read_config(leaf, options)
    import_modules_from_strings(**config.custom_imports)
    return config


@pytest.fixture(scope='module', params=LEAVES, ids=name_of)
def leaf(request) -> Path:
    return request.param


@pytest.fixture(scope='module')
def config(leaf, tmp_path_factory) -> Config:
    return read(leaf, tmp_path_factory.mktemp('data'))


def test_leaf_agrees_with_its_data_set(leaf, config):
    kind = DATASETS.get(config.test_dataloader.dataset.type)
    num_classes = len(kind.METAINFO.get('classes') or LABELS.split())
    heads = [config.model.decode_head, config.model.get('auxiliary_head')]
    found = {head.num_classes for head in heads if head is not None}
    assert found == {config.num_classes} == {num_classes}
    # Batches have the size of the crop.
    sets = list(dataset_configs(config.train_dataloader))
    steps = [step for dataset in sets for step in dataset.pipeline]
    crops = {tuple(step.crop_size) for step in steps if 'crop_size' in step}
    assert crops == {tuple(config.model.data_preprocessor.size)}
    for step in [*steps, *config.test_dataloader.dataset.pipeline]:
        TRANSFORMS.build(step)
    # The learning rate ends with the training.
    ends = [item.get('end') for item in config.param_scheduler if 'end' in item]
    assert not ends or max(ends) == config.train_cfg.max_iters
    best = 'PQ' if leaf.stem.startswith('panoptic') else 'mIoU'
    assert config.default_hooks.checkpoint.save_best == best
    # A runner would give one at the top level to SegTTAModel, whatever the model's is.
    assert 'data_preprocessor' not in config


def test_mmengine_reads_the_same_config(leaf, config):
    ours, plain = config.to_dict(), Config.fromfile(leaf).to_dict()
    assert ours.pop('launcher') == 'none'
    assert ours.pop('work_dir') == f'work_dirs/{leaf.stem}'
    if not leaf.stem.endswith('_folder'):  # whose classes are counted in a file
        assert ours == plain


def test_leaf_is_short_and_says_what_it_is(leaf):
    _, docstring, code = leaf.read_text().split('"""', 2)
    lines = [line for line in code.splitlines() if line and line[0] != '#']
    assert len(lines) <= 20
    assert len(docstring.splitlines()) <= 10
    assert re.search(rf'configs/{leaf.name}|mmseg-deeplab \w+ {leaf.stem}\b', docstring)
    assert 'easured' in docstring
    assert leaf.stem.isidentifier()
    # What follows from the data set comes from its base.
    assert 'crop_size' not in code or leaf.stem.startswith('unet_') or 'std=' in code


@pytest.fixture(scope='module')
def no_random_start() -> Iterator[None]:
    """Leave out random numbers for weights that ``fill`` overwrites."""
    with pytest.MonkeyPatch.context() as patch:
        for name in RANDOM:
            patch.setattr(nn.init, name, lambda tensor, *args, **kwargs: tensor)
        yield


def fill(model: nn.Module) -> None:
    """Give what has no value yet one: He's deviation for weights, 0 for biases."""
    for module in model.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        weight = module.weight.data
        copies = math.ceil(weight.numel() / NOISE.numel())
        values = NOISE.repeat(copies)[: weight.numel()].view_as(weight)
        weight.copy_(values.mul_(math.sqrt(2 / weight[0].numel())))
        if module.bias is not None:
            module.bias.data.zero_()


def samples(num_classes: int, shape: tuple[int, int], count: int) -> dict:
    found = random_samples(count, shape, num_classes)
    for sample in found:
        sample.gt_panoptic_targets = random_targets(shape)
    images = (random_images(count, shape) * 60 + 128).clamp(0, 255).byte()
    return dict(inputs=list(images), data_samples=found)


@pytest.mark.parametrize('network', NETWORKS, ids=name_of)
def test_predicts_and_trains_a_step(network, tmp_path, no_random_start):
    config = read(network, tmp_path)
    # U-Net takes multiples of 16 alone, DeepLab's sizes are 8k + 1.
    size = (32, 32) if network.stem.startswith('unet') else (33, 33)
    cfg = config.model
    cfg.backbone.init_cfg = None  # no download
    cfg.data_preprocessor.size = size
    replace_sync_bn(cfg)
    model = MODELS.build(cfg)
    model.init_weights()
    fill(model)
    with torch.no_grad():
        result = model.eval().test_step(samples(config.num_classes, size, 1))[0]
        logits = model(torch.zeros(1, 3, *size), mode='tensor')
    if isinstance(model, PanopticDeepLab):
        assert [len(out[0]) for out in logits[1:]] == [1, 2]
        assert result.pred_panoptic_seg.data.shape == (1, *size)
        logits = logits[0]
    assert result.pred_sem_seg.data.shape == (1, *size)
    assert logits.shape[:2] == (1, config.num_classes)
    config.optim_wrapper.accumulative_counts = 1
    wrapper = build_optim_wrapper(model.train(), config.optim_wrapper)
    # The gradients are gone after a step, the state of the optimizer is not.
    losses = model.train_step(samples(config.num_classes, size, 2), wrapper)
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert losses['loss'] > 0
    trained = {key for key, p in model.named_parameters() if p.requires_grad}
    state = wrapper.optimizer.state
    assert {key for key, p in model.named_parameters() if p in state} == trained
    assert any(key.startswith('backbone.') for key in trained)
    assert all(torch.isfinite(p).all() for p in model.decode_head.parameters())
