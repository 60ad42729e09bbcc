"""Mixins: how they reach a config."""

import ast
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine import Config
from mmseg.registry import MODELS
from training import ROOT, log_of, train_here, weights, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.config_checks import prepare_class_weights
from mmseg_deeplab.config.overrides import apply_mixins, find_mixin, read_mixin
from mmseg_deeplab.models import HardPixelCrossEntropy
from mmseg_deeplab.utils.errors import InputError

MIXINS = ROOT / 'configs' / '_base_' / 'mixins'
ALL = sorted(path.stem for path in MIXINS.glob('*.py'))
LEAF = ROOT / 'configs' / 'deeplabv2_r50_camvid.py'
CHANGED = ('model', 'optim_wrapper', 'custom_hooks', 'compile', 'sync_bn', 'visualizer')
# BatchNorm moves, so that buffers do.
MOVING = "model['decode_head'].update(norm_cfg=dict(type='BN'))\n"
MOVING += "model['backbone'].update(norm_eval=False)"


def train(folder: Path, name: str, mixins: tuple = ('ema',), **options) -> None:
    """Train for 3 iterations at a rate above 0."""
    config = write_config(folder, iters=3, extra=MOVING)
    options |= dict(param_scheduler__0__end=100)
    train_here(config, folder / name, mixins=mixins, **options)


def test_ema_goes_on_after_a_resume(tmp_path):
    every = dict(custom_hooks__0__interval=1)
    train(tmp_path, 'whole', **every)
    train(tmp_path, 'parts', **every, train_cfg__max_iters=2)
    train(tmp_path, 'parts', **every, resume=True)
    found, expected = (
        torch.load(tmp_path / name / 'iter_3.pth', weights_only=False)
        for name in ('parts', 'whole')
    )
    assert found['ema_state_dict']['steps'] == expected['ema_state_dict']['steps'] == 3
    for key, value in expected['state_dict'].items():
        torch.testing.assert_close(found['state_dict'][key], value)


def test_without_ema_a_resume_goes_on_from_the_trained_weights(tmp_path):
    train(tmp_path, 'plain', mixins=())
    train(tmp_path, 'parts', custom_hooks__0__interval=1, train_cfg__max_iters=2)
    train(tmp_path, 'parts', mixins=(), resume=True)
    found, expected = (
        weights(tmp_path / f'{n}/iter_3.pth') for n in ('parts', 'plain')
    )
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value)
    assert 'without the average' in log_of(tmp_path / 'parts')


def test_a_checkpoint_holds_the_average_and_the_trained_weights(tmp_path):
    m = 0.25
    train(tmp_path, 'plain', mixins=(), default_hooks__checkpoint__max_keep_ckpts=-1)
    train(tmp_path, 'ema', custom_hooks__0__interval=1, custom_hooks__0__momentum=m)
    saved = torch.load(tmp_path / 'ema' / 'iter_3.pth', weights_only=False)
    one, two, three = (weights(tmp_path / f'plain/iter_{i}.pth') for i in (1, 2, 3))
    for key in ('decode_head.conv_seg.weight', 'backbone.bn1.running_mean'):
        average = one[key]  # the first update copies
        for later in (two, three):
            average = (1 - m) * average + m * later[key]
        torch.testing.assert_close(saved['state_dict'][key], average)
        trained = saved['ema_state_dict'][f'module.{key}']
        torch.testing.assert_close(trained, three[key])


def inherited(folder: Path, names: list[str], lines: str = '') -> Config:
    """A leaf of LEAF and mixins, with more lines."""
    bases = [str(LEAF), *(str(MIXINS / f'{name}.py') for name in names)]
    path = folder / 'leaf.py'
    path.write_text(f'_base_ = {bases!r}\n{lines}')
    return Config.fromfile(path)


def test_no_mixin_collides_with_a_leaf_or_another_mixin(tmp_path):
    config = inherited(tmp_path, ALL)
    assert config.custom_hooks[0].type == 'EMAHook'
    assert (config.compile, config.sync_bn) == ({}, 'torch')


@pytest.mark.parametrize('name', ALL)
def test_inheriting_a_mixin_as_it_says_is_the_same_as_asking_for_it(tmp_path, name):
    docstring = ast.get_docstring(ast.parse((MIXINS / f'{name}.py').read_text()))
    lines = re.findall(r'^    (?!_base_ = )(.*)$', docstring, re.MULTILINE)
    found, by_flag, plain = (
        {key: config.get(key) for key in CHANGED}
        for config in (
            inherited(tmp_path, [name], '\n'.join(lines)),
            read_config(LEAF, mixins=[name]),
            Config.fromfile(LEAF),
        )
    )
    assert found == by_flag != plain


def test_several_mixins_join_and_options_go_before_them():
    config = read_config(
        str(LEAF),
        mixins=['ohem', 'class_weight', 'aux_fcn', 'amp'],
        options={'model.decode_head.loss_decode.min_share': 0.1},
    )
    head = config.model.decode_head
    loss = MODELS.build(dict(head.loss_decode, class_weight=[1.0] * 11))
    assert isinstance(loss, HardPixelCrossEntropy)
    assert (loss.thresh, loss.min_share) == (0.7, 0.1)
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


def test_a_mixin_that_does_not_fit_is_named(tmp_path):
    mixin = tmp_path / 'mine.py'
    mixin.write_text('mine = {"param_scheduler.7.end": 3}')
    with pytest.raises(ValueError, match=r'mine\.py: does not fit .*camvid\.py'):
        read_config(LEAF, mixins=[str(mixin)])


def test_class_weights_that_cannot_work(tmp_path):
    file = tmp_path / 'weights.json'
    options = {'model.decode_head.loss_decode.class_weight': str(file)}
    config = read_config(str(LEAF), options, mixins=['class_weight'])
    with pytest.raises(FileNotFoundError, match=r'weights\.json.*class-weights'):
        prepare_class_weights(config.model)
    file.write_text('[1, 2]')
    with pytest.raises(ValueError, match=r'2 class weights for 11 classes'):
        prepare_class_weights(config.model)


def test_class_weights_go_with_a_mean_over_labelled_pixels(load_config):
    model = load_config('_base_/models/deeplabv3_mobilenetv2.py').model
    model.decode_head.num_classes = 2
    loss = model.decode_head.loss_decode
    loss.update(class_weight=[1, 2], avg_non_ignore=True)
    prepare_class_weights(model)
    logits, label = torch.randn(1, 2, 3, 3), torch.randint(2, (1, 3, 3))
    label[0, 0] = 255
    found = MODELS.build(loss)(logits, label, ignore_index=255)
    weight = torch.tensor([1.0, 2.0])
    expected = F.cross_entropy(logits, label, weight, ignore_index=255)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('mixins', [['dice', 'class_weight'], ['class_weight', 'dice']])
def test_losses_of_mixins_are_added_and_class_weights_reach_those_before(mixins):
    head = read_config(LEAF, mixins=mixins).model.decode_head
    plain = Config.fromfile(LEAF).model.decode_head.loss_decode
    file = dict(class_weight='work_dirs/class_weights.json')
    dice = dict(type='SoftDiceLoss', loss_weight=1.0)
    weighted = dice | file if mixins[0] == 'dice' else dice
    assert head.loss_decode == [plain | file, weighted]


@pytest.mark.parametrize('name', ['focal', 'ohem'])
def test_a_mixin_that_replaces_the_cross_entropy_keeps_the_losses_added(name):
    loss, dice = (
        read_config(LEAF, mixins=[mixin]).model.decode_head.loss_decode
        for mixin in (name, 'dice')
    )
    for mixins in ([name, 'dice'], ['dice', name]):
        head = read_config(LEAF, mixins=mixins).model.decode_head
        assert head.loss_decode == [loss, dice[1]]


def test_a_second_mixin_that_replaces_the_cross_entropy_is_refused():
    with pytest.raises(InputError, match=r'ohem\.py: .*SoftmaxFocalLoss, SoftDiceLoss'):
        read_config(LEAF, mixins=['focal', 'dice', 'ohem'])
