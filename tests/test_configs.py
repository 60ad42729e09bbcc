"""Every leaf config builds, agrees with its data set, predicts and trains a step.

To keep this below two minutes on one core: images of 33x33, one network per leaf for
all tests, and repeated noise in place of random initial values, which take longer than
the step.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from mmseg.registry import DATASETS, MODELS, TRANSFORMS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.prepare import replace_sync_bn
from mmseg_deeplab.config.scan_config import dataset_configs

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
LABELS = 'sky\nroad\ncar\n'  # of the folder data set
NOISE = torch.randn(2**20, generator=torch.Generator().manual_seed(0))
RANDOM = ('kaiming_normal_', 'kaiming_uniform_', 'normal_', 'trunc_normal_', 'uniform_')


def size(leaf: Path) -> tuple[int, int]:
    # MMSeg's U-Net takes multiples of 16 alone, DeepLab's sizes are 8k + 1.
    return (32, 32) if leaf.stem.startswith('unet') else (33, 33)


def test_there_are_leaves():
    assert len(LEAVES) >= 60


@pytest.fixture(scope='module', autouse=True)
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


@pytest.fixture(scope='module', params=LEAVES, ids=[leaf.stem for leaf in LEAVES])
def leaf(request) -> Path:
    return request.param


@pytest.fixture(scope='module')
def config(leaf, tmp_path_factory) -> Config:
    options = {}
    if leaf.stem.endswith('_folder'):
        options['data_root'] = str(tmp_path_factory.mktemp('folder'))
        Path(options['data_root'], 'labels.txt').write_text(LABELS)
    config = read_config(str(leaf), options)
    import_modules_from_strings(**config.custom_imports)
    return config


@pytest.fixture(scope='module')
def model(config, leaf) -> nn.Module:
    cfg = config.model.copy()
    cfg.backbone = dict(cfg.backbone, init_cfg=None)  # no download
    cfg.data_preprocessor = dict(cfg.data_preprocessor, size=size(leaf))
    replace_sync_bn(cfg)
    model = MODELS.build(cfg)
    model.init_weights()
    fill(model)
    return model


def samples(num_classes: int, shape: tuple[int, int], count: int) -> dict:
    generator = torch.Generator().manual_seed(0)
    images, truths = [], []
    for _ in range(count):
        label = torch.randint(0, num_classes, (1, *shape), generator=generator)
        sample = SegDataSample(metainfo=dict(img_shape=shape, ori_shape=shape))
        sample.gt_sem_seg = PixelData(data=label)
        truths.append(sample)
        image = torch.randint(0, 256, (3, *shape), generator=generator)
        images.append(image.to(torch.uint8))
    return dict(inputs=images, data_samples=truths)


def heads(config: Config) -> list[dict]:
    found = [config.model.decode_head, config.model.get('auxiliary_head')]
    return [head for head in found if head is not None]


def test_classes_agree_with_the_data_set(config):
    kind = DATASETS.get(config.test_dataloader.dataset.type)
    classes = kind.METAINFO.get('classes') or LABELS.split()
    assert {head.num_classes for head in heads(config)} == {len(classes)}
    assert config.num_classes == len(classes)


def test_batches_have_the_size_of_the_crop(config):
    crops = [
        step.crop_size
        for dataset in dataset_configs(config.train_dataloader)
        for step in dataset.pipeline
        if step.type in ('RandomCrop', 'LeanRandomCrop')
    ]
    assert crops
    assert set(map(tuple, crops)) == {tuple(config.model.data_preprocessor.size)}


def test_pipelines_build(config):
    for loader in (config.train_dataloader, config.test_dataloader):
        for dataset in dataset_configs(loader):
            for step in dataset.pipeline:
                TRANSFORMS.build(step)


def test_learning_rate_ends_with_the_training(config):
    ends = [item.get('end') for item in config.param_scheduler if 'end' in item]
    assert not ends or max(ends) == config.train_cfg.max_iters


def test_augmented_testing_normalises_as_training_does(config):
    # A runner gives a `data_preprocessor` of the top level to SegTTAModel, whatever
    # the model's own is.
    assert 'data_preprocessor' not in config


def test_predicts(config, model, leaf):
    model.eval()
    data = samples(config.num_classes, size(leaf), 1)
    with torch.no_grad():
        result = model.test_step(data)[0]
    assert result.pred_sem_seg.data.shape == (1, *size(leaf))


def test_trains_a_step(config, model, leaf):
    cfg = config.optim_wrapper.copy()
    cfg.accumulative_counts = 1
    wrapper = build_optim_wrapper(model.train(), cfg)
    # The gradients are gone after a step, what the optimizer made of them is not.
    losses = model.train_step(samples(config.num_classes, size(leaf), 2), wrapper)
    trained = {key for key, p in model.named_parameters() if p.requires_grad}
    reached = {
        key for key, p in model.named_parameters() if p in wrapper.optimizer.state
    }
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert losses['loss'] > 0
    assert reached == trained
    assert any(key.startswith('backbone.') for key in reached)
    assert all(torch.isfinite(p).all() for p in model.decode_head.parameters())


def test_leaf_is_short_and_says_what_it_is(leaf):
    _, docstring, code = leaf.read_text().split('"""', 2)
    lines = [line for line in code.splitlines() if line and line[0] != '#']
    assert len(lines) <= 20
    assert len(docstring.splitlines()) <= 9
    assert f'configs/{leaf.name}' in docstring
    assert 'easured' in docstring
    assert leaf.stem.isidentifier()
