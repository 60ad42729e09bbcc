"""A mistake in a config ends a command with one line: file, place and value."""

import re
import uuid
from functools import partial

import pytest
from training import write_config

from mmseg_deeplab import cli
from mmseg_deeplab.config.config_errors import FirstTimeHook, config_errors, load_config
from mmseg_deeplab.utils.errors import InputError

MISTAKES = {
    "model['backbone']['type'] = 'ResNt'": 'model.backbone: .*did you mean ResNet',
    "model['backbone']['dept'] = 3": "model.backbone: .*'dept'.* you mean '?depth",
    "model['backbone']['depth'] = 'fifty'": 'model.backbone: .*fifty',
    "del model['backbone']['depth']": "model.backbone: .*'depth'",
    "del model['backbone']['type']": 'model.backbone: .*"type"',
    "model['decode_head']['in_channels'] = '32'": 'model.decode_head: .*in_channels',
    "model['decode_head']['loss_decode']['type'] = 'CrossEntropy'": (
        'model.decode_head.loss_decode: .*CrossEntropyLoss'
    ),
    "model['data_preprocessor']['mean'] = [1, 2]": 'model.*data_preprocessor.*mean',
    "train_dataloader['num_workers'] = -1": 'train_dataloader: .*num_workers',
    "train_dataloader['batch_siz'] = 3": "train_dataloader: .*'batch_siz'",
    "train_dataloader['sampler']['type'] = 'InfinitSampler'": (
        'train_dataloader.sampler: .*did you mean InfiniteSampler'
    ),
    "dataset.update(data_root=2024)": 'train_dataloader.dataset: .*int',
    "dataset.update(metainfo=5)": 'train_dataloader.dataset: .*metainfo',
    "pipeline.insert(2, dict(type='RandomCrp'))": (
        'train_dataloader.dataset.pipeline.2: .*did you mean RandomCrop'
    ),
    "train_dataloader = 'abc'": "train_dataloader must be a dict, received 'abc'",
    "optim_wrapper['optimizer']['type'] = 'SDG'": (
        'optim_wrapper: .*did you mean SGD'
    ),
    "optim_wrapper['optimizer']['lr'] = -1": 'optim_wrapper.optimizer: .*-1',
    "param_scheduler[0]['end'] = -1": 'param_scheduler.0: .*end=-1',
    "train_cfg['max_iter'] = 2": "train_cfg: .* you mean '?max_iters",
    "custom_hooks = [dict(type='EMAHok', a={})]": 'custom_hooks.0: .*mean EMAHook',
    # These are found by the first batch.
    "model['decode_head']['in_channels'] = 64": 'model.decode_head.*64 channels',
    'pipeline.pop()': "model.data_preprocessor: KeyError: inputs",
}  # fmt: skip


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_is_named_with_its_place(tmp_path, mistake):
    names = f"visualizer = dict(name='{uuid.uuid4()}')"  # mmengine keeps them
    config = write_config(tmp_path, iters=1, extra=f'{mistake}\n{names}')
    with pytest.raises(SystemExit) as ended:
        cli.run('train', [str(config), '--work-dir', str(tmp_path / 'run')])
    assert '\n' not in ended.value.code
    assert ended.value.code.startswith(f'error: {config}: ')
    assert re.search(MISTAKES[mistake], ended.value.code), ended.value.code


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('x = (1', r'config\.py: no readable config: .*never closed.*line 1'),
        ('\nx = 1 / 0', r'config\.py, line 2: no readable config: ZeroDivisionError'),
        ("_base_ = ['base.py']", r'base\.py, line 1: .*NameError.*undefined'),
        ("_base_ = ['nowhere.py']", r'nowhere\.py: No such file'),
    ],
)
def test_a_file_that_is_no_config(tmp_path, text, message):
    (tmp_path / 'base.py').write_text('x = undefined')
    (tmp_path / 'config.py').write_text(text)
    with pytest.raises(InputError, match=message):
        load_config(tmp_path / 'config.py')


def test_what_has_worked_once_is_no_mistake_in_the_config(tmp_path):
    cfg, first = load_config(write_config(tmp_path)), FirstTimeHook()
    errors = partial(config_errors, cfg, is_new=first.is_new)
    with pytest.raises(InputError, match=r'tiny\.py: ZeroDivisionError'), errors():
        raise ZeroDivisionError
    first.after_train_iter(None, 0)
    with pytest.raises(ZeroDivisionError), errors():
        raise ZeroDivisionError
    first.before_val(None)
    assert first.is_new()
