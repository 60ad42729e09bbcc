"""Mixins: how they reach a config, and what each does to a training."""

from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.runner import Runner
from training import train_here, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.config_checks import check_class_weights
from mmseg_deeplab.config.overrides import apply_mixins, find_mixin, read_mixin

ROOT = Path(__file__).resolve().parents[2]
MIXINS = ROOT / 'configs' / '_base_' / 'mixins'
ALL = sorted(path.stem for path in MIXINS.glob('*.py'))
LEAF = ROOT / 'configs' / 'deeplabv2_r50_camvid.py'
# SyntheticStreets for the small network; BatchNorm moves, so that buffers do.
STREETS = """
model['decode_head'].update(num_classes=8, norm_cfg=dict(type='BN'))
model['backbone'].update(norm_eval=False)
model['data_preprocessor'].update(size=(64, 128))
pipeline = [
    dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations', num_classes=8),
    dict(type='PackSegInputs')]
train_dataloader['dataset'] = dict(
    type='SyntheticStreets', split='train', num_images=4, size=(64, 128),
    pipeline=pipeline)
val_dataloader['dataset'] = dict(train_dataloader['dataset'], num_images=1)
"""


def train(folder: Path, iters: int = 2, **options) -> Runner:
    """Train on SyntheticStreets with the mixin ema at a rate above 0."""
    return train_here(
        write_config(folder, iters=iters, extra=STREETS),
        folder / 'run',
        mixins=['ema'],
        param_scheduler__0__end=100,
        custom_hooks__0__interval=1,
        **options,
    )


def test_ema_weights_and_buffers_are_in_the_checkpoint(tmp_path):
    runner = train(tmp_path)
    first, second = (
        torch.load(tmp_path / f'run/iter_{i}.pth', weights_only=False) for i in (1, 2)
    )
    trained = {
        key.removeprefix('module.'): value
        for key, value in second['ema_state_dict'].items()
        if key.startswith('module.')
    }
    moved = set()
    for key, value in second['state_dict'].items():
        before = first['state_dict'][key]  # the average begins as a copy
        assert torch.equal(trained[key], runner.model.state_dict()[key])
        if value.is_floating_point():
            torch.testing.assert_close(value, before.lerp(trained[key], 0.0069))
            moved |= {key} if not torch.equal(before, trained[key]) else set()
    assert any(key.endswith('running_mean') for key in moved)
    assert any(key.endswith('conv_seg.weight') for key in moved)


def test_ema_goes_on_after_a_resume(tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    for folder in (whole, parts):
        folder.mkdir()
    train(whole, iters=3)
    train(parts, iters=3, train_cfg__max_iters=2)
    train(parts, iters=3, resume=True)
    found, expected = (
        torch.load(folder / 'run/iter_3.pth', weights_only=False)
        for folder in (parts, whole)
    )
    assert found['ema_state_dict']['steps'] == expected['ema_state_dict']['steps'] == 3
    for key, value in expected['state_dict'].items():
        torch.testing.assert_close(found['state_dict'][key], value)


def inherited(folder: Path, names: list[str], *lines: str) -> Config:
    """A leaf of LEAF and mixins, as the docstrings of the mixins say."""
    bases = [str(LEAF), *(str(MIXINS / f'{name}.py') for name in names)]
    path = folder / 'leaf.py'
    path.write_text('\n'.join([f'_base_ = {bases!r}', *lines]))
    return Config.fromfile(path)


def test_no_mixin_collides_with_a_leaf_or_another_mixin(tmp_path):
    config = inherited(tmp_path, ALL)
    assert config.custom_hooks[0].type == 'EMAHook'
    assert (config.compile, config.sync_bn) == ({}, 'torch')


TAKEN_UP = dict(
    amp='optim_wrapper = _base_.amp.optim_wrapper',
    ohem='model = _base_.ohem.model',
    class_weight='model = _base_.class_weight.model',
    composer_init='model = _base_.composer_init.model',
    aux_fcn=(
        'model = dict(auxiliary_head=dict('
        '_base_.aux_fcn.model.auxiliary_head, num_classes=_base_.num_classes))'
    ),
    fast='custom_hooks = _base_.fast.custom_hooks',
    fast_inference='custom_hooks = _base_.fast_inference.custom_hooks',
    compile_network='custom_hooks = _base_.compile_network.custom_hooks',
    tensorboard='visualizer = _base_.tensorboard.visualizer',
    wandb='visualizer = _base_.wandb.visualizer',
    ema='',
    compile='',
    syncbn='',
)


@pytest.mark.parametrize('name', ALL)
def test_inheriting_a_mixin_is_the_same_as_asking_for_it(tmp_path, name):
    found = inherited(tmp_path, [name], TAKEN_UP[name]).to_dict()
    by_flag = read_config(LEAF, mixins=[name]).to_dict()
    plain = Config.fromfile(LEAF).to_dict()
    keys = (
        'model',
        'optim_wrapper',
        'custom_hooks',
        'compile',
        'sync_bn',
        'visualizer',
    )
    assert [found.get(key) for key in keys] == [by_flag.get(key) for key in keys]
    assert [found.get(key) for key in keys] != [plain.get(key) for key in keys]


def test_several_mixins_join_and_options_go_before_them():
    config = read_config(
        str(LEAF),
        mixins=['ohem', 'class_weight', 'aux_fcn', 'amp'],
        options={'model.decode_head.sampler.min_kept': 7},
    )
    head = config.model.decode_head
    assert head.sampler == dict(type='OHEMPixelSampler', thresh=0.7, min_kept=7)
    assert head.loss_decode.class_weight == 'work_dirs/class_weights.json'
    auxiliary = config.model.auxiliary_head
    assert auxiliary.num_classes == head.num_classes == 11
    assert auxiliary.loss_decode.loss_weight == 0.4
    assert config.optim_wrapper.optimizer.type == 'SGD'


def test_hooks_of_the_config_stay():
    config = Config(dict(custom_hooks=[dict(type='Mine')]), filename=str(LEAF))
    apply_mixins(config, ['ema'])
    assert [hook.type for hook in config.custom_hooks] == ['Mine', 'EMAHook']


def test_mixins_are_found_beside_the_config_before_those_of_the_project(tmp_path):
    own = tmp_path / 'configs' / '_base_' / 'mixins'
    own.mkdir(parents=True)
    (own / 'amp.py').write_text('amp = dict(work_dir="mine")')
    config = tmp_path / 'configs' / 'deeper' / 'leaf.py'
    assert find_mixin('amp', config) == own / 'amp.py'
    assert find_mixin('ema', config) == MIXINS / 'ema.py'
    assert find_mixin(str(own / 'amp.py'), config) == own / 'amp.py'
    assert read_mixin(own / 'amp.py') == dict(work_dir='mine')


@pytest.mark.parametrize('name', ['nothing', 'no/such.py'])
def test_an_unknown_mixin_is_named(name):
    with pytest.raises(FileNotFoundError, match=rf'mixin \'{name}\''):
        find_mixin(name, LEAF)


def test_a_mixin_that_does_not_fit_is_named(tmp_path):
    mixin = tmp_path / 'mine.py'
    mixin.write_text('mine = {"param_scheduler.7.end": 3}')
    with pytest.raises(ValueError, match=r'mine\.py: does not fit .*camvid\.py'):
        read_config(LEAF, mixins=[str(mixin)])


@pytest.mark.parametrize(
    ('content', 'options', 'error', 'match'),
    [
        (None, {}, FileNotFoundError, r'weights\.json.*class-weights'),
        ('[1, 2]', {}, ValueError, r'2 class weights for 11 classes'),
    ],
)
def test_class_weights_that_cannot_work(tmp_path, content, options, error, match):
    file = tmp_path / 'weights.json'
    if content:
        file.write_text(content)
    options = {**options, 'loss_decode.class_weight': str(file)}
    config = read_config(
        str(LEAF),
        mixins=['class_weight'],
        options={f'model.decode_head.{k}': v for k, v in options.items()},
    )
    with pytest.raises(error, match=match):
        check_class_weights(config.model)


def test_mmsegmentation_cannot_weigh_classes_over_labelled_pixels(load_config):
    model = load_config('_base_/models/deeplabv3_mobilenetv2.py').model
    model.type = 'EncoderDecoder'
    model.decode_head.num_classes = 2
    model.decode_head.loss_decode.update(class_weight=[1, 2], avg_non_ignore=True)
    match = r'model\.decode_head\.loss_decode: .*avg_non_ignore=False'
    with pytest.raises(ValueError, match=match):
        check_class_weights(model)
    model.type = 'LeanEncoderDecoder'
    check_class_weights(model)
