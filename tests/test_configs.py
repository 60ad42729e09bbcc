"""Every leaf config builds, agrees with its data set, predicts and trains a step."""

from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmengine.utils import import_modules_from_strings
from mmseg.registry import DATASETS, MODELS
from mmseg.structures import SegDataSample

from mmseg_deeplab.apis.launch import replace_sync_bn

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LEAVES = sorted(CONFIGS.glob('*.py'))
SIZE = (64, 64)


def test_there_are_leaves():
    assert len(LEAVES) >= 6


@pytest.fixture(params=LEAVES, ids=[leaf.stem for leaf in LEAVES])
def config(request) -> Config:
    config = Config.fromfile(request.param)
    import_modules_from_strings(**config.custom_imports)
    config.model.backbone.init_cfg = None  # no download
    config.model.data_preprocessor.size = SIZE
    replace_sync_bn(config.model)
    return config


def samples(num_classes: int, count: int = 2) -> list[SegDataSample]:
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(count):
        label = torch.randint(0, num_classes, (1, *SIZE), generator=generator)
        sample = SegDataSample(metainfo=dict(img_shape=SIZE, ori_shape=SIZE))
        sample.gt_sem_seg = PixelData(data=label)
        found.append(sample)
    return found


def dataset_class(config: Config) -> type:
    dataset = config.test_dataloader.dataset
    return DATASETS.get(dataset['type'])


def test_classes_agree_with_the_data_set(config):
    classes = dataset_class(config).METAINFO['classes']
    assert config.model.decode_head.num_classes == len(classes) == config.num_classes


def test_augmented_testing_normalises_as_training_does(config):
    # A runner gives a `data_preprocessor` of the top level to SegTTAModel, whatever
    # the model's own is.
    assert 'data_preprocessor' not in config


def test_predicts_at_64(config):
    model = MODELS.build(config.model).eval()
    inputs = [torch.zeros(3, *SIZE, dtype=torch.uint8)]
    data = model.data_preprocessor(
        dict(inputs=inputs, data_samples=samples(config.num_classes, 1))
    )
    with torch.no_grad():
        result = model(**data, mode='predict')[0]
    assert result.pred_sem_seg.data.shape == (1, *SIZE)
    assert result.seg_logits.data.shape == (config.num_classes, *SIZE)


def test_trains_a_step_at_64(config):
    torch.manual_seed(0)
    config.optim_wrapper.accumulative_counts = 1
    model = MODELS.build(config.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model.train(), config.optim_wrapper)
    before = {k: p.detach().clone() for k, p in model.named_parameters()}
    inputs = [torch.randint(0, 255, (3, *SIZE), dtype=torch.uint8) for _ in range(2)]
    data = dict(inputs=inputs, data_samples=samples(config.num_classes))
    losses = model.train_step(data, wrapper)
    moved = {k for k, p in model.named_parameters() if not torch.equal(p, before[k])}
    assert torch.isfinite(losses['loss'])
    assert any(key.startswith('backbone.') for key in moved)
    assert {key for key in before if key.startswith('decode_head.')} <= moved


@pytest.mark.parametrize('leaf', LEAVES, ids=[leaf.stem for leaf in LEAVES])
def test_leaf_is_short_and_says_what_it_is(leaf):
    lines = leaf.read_text().splitlines()
    docstring = leaf.read_text().split('"""')[1]
    assert len(lines) <= 35
    assert f'configs/{leaf.name}' in docstring
    assert 'easured' in docstring
