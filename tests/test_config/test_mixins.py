"""Mixins: how they reach a config, and what each does to a training."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from training import scalars, train_here, weights, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.config_checks import check_class_weights
from mmseg_deeplab.config.overrides import apply_mixins, find_mixin, read_mixin

ROOT = Path(__file__).resolve().parents[2]
MIXINS = ROOT / 'configs' / '_base_' / 'mixins'
ALL = sorted(path.stem for path in MIXINS.glob('*.py'))
LEAF = ROOT / 'configs' / 'deeplabv2_r50_camvid.py'
K = 8
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


class Recorder(Hook):
    """Keeps the logits of each step's heads, and its labels."""

    def __init__(self) -> None:
        self.logits: list[Tensor] = []
        self.aux: list[Tensor] = []
        self.labels: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        self._keep(runner.model.decode_head, self.logits)
        if runner.model.with_auxiliary_head:
            self._keep(runner.model.auxiliary_head, self.aux)

    @staticmethod
    def _keep(head: torch.nn.Module, where: list[Tensor]) -> None:
        forward = head.forward  # MMSegmentation calls it past the module's hooks

        def kept(inputs):
            where.append(forward(inputs))
            return where[-1]

        head.forward = kept

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None):
        samples = data_batch['data_samples']
        self.labels.append(torch.cat([s.gt_sem_seg.data for s in samples]).long())

    def full_size(self, step: int) -> tuple[Tensor, Tensor]:
        """Logits on the grid of the labels, and the labels, of a step from 0."""
        label = self.labels[step]
        logits = self.logits[step].detach()
        return F.interpolate(logits, label.shape[1:], mode='bilinear'), label


def train(folder: Path, *mixins: str, iters: int = 2, **options) -> tuple:
    """Train on SyntheticStreets; return what was recorded, logs, and the runner."""
    config = write_config(folder, iters=iters, extra=STREETS)
    recorder = Recorder()
    runner = train_here(
        config,
        folder / 'run',
        hooks=[recorder],
        mixins=mixins,
        param_scheduler__0__end=100,  # the rate stays above 0
        **options,
    )
    logs = {e['step']: e for e in scalars(folder / 'run') if 'loss' in e}
    return recorder, logs, runner


def test_ema_weights_and_buffers_are_in_the_checkpoint(tmp_path):
    _, _, runner = train(tmp_path, 'ema', custom_hooks__0__interval=1)
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
    ema = dict(custom_hooks__0__interval=1)
    train(whole, 'ema', iters=3, **ema)
    train(parts, 'ema', iters=3, train_cfg__max_iters=2, **ema)
    config = write_config(parts, iters=3, extra=STREETS)
    ema['param_scheduler__0__end'] = 100
    train_here(config, parts / 'run', resume=True, mixins=['ema'], **ema)
    found, expected = (
        torch.load(folder / 'run/iter_3.pth', weights_only=False)
        for folder in (parts, whole)
    )
    assert found['ema_state_dict']['steps'] == expected['ema_state_dict']['steps'] == 3
    for key, value in expected['state_dict'].items():
        torch.testing.assert_close(found['state_dict'][key], value)


def test_ohem_counts_only_pixels_that_are_not_sure(tmp_path):
    options = dict(thresh=1 / K, min_kept=2)
    prefix = 'model__decode_head__sampler__'
    recorder, logs, runner = train(
        tmp_path, 'ohem', **{prefix + key: value for key, value in options.items()}
    )
    assert type(runner.model.decode_head.sampler).__name__ == 'OHEMPixelSampler'
    logits, label = recorder.full_size(0)
    valid = label != 255
    loss = F.cross_entropy(logits, label, ignore_index=255, reduction='none')
    sure = torch.exp(-loss) >= 1 / K  # the probability of the pixel's own class
    assert 0 < (sure & valid).sum() < valid.sum()
    expected = loss[valid & ~sure].sum() / valid.sum()
    assert logs[1]['loss'] == pytest.approx(expected.item(), rel=1e-4)


def test_class_weights_of_the_file_are_in_the_loss(tmp_path):
    of_classes = [0.5, 1.0, 2.0, 3.0, 0.25, 1.5, 4.0, 0.75]
    file = tmp_path / 'weights.json'
    file.write_text(str(of_classes))
    recorder, logs, _ = train(
        tmp_path,
        'class_weight',
        model__decode_head__loss_decode__class_weight=str(file),
    )
    for step in range(2):
        expected = F.cross_entropy(
            *recorder.full_size(step), weight=torch.tensor(of_classes), ignore_index=255
        )
        assert logs[step + 1]['loss'] == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.skipif(torch.cuda.is_available(), reason='has a GPU: float16')
def test_amp_computes_in_bfloat16_on_a_cpu(tmp_path):
    recorder, logs, runner = train(tmp_path, 'amp')
    steps = recorder.logits[:2]  # what follows is the validation
    assert {logits.dtype for logits in steps} == {torch.bfloat16}
    assert {p.dtype for p in runner.model.parameters()} == {torch.float32}
    logits, label = recorder.full_size(0)
    expected = F.cross_entropy(logits.float(), label, ignore_index=255)
    assert logs[1]['loss'] == pytest.approx(expected.item(), rel=0.01)


def test_auxiliary_loss_is_added_at_four_tenths(tmp_path):
    recorder, logs, runner = train(
        tmp_path, 'aux_fcn', model__auxiliary_head__in_channels=16
    )
    assert runner.model.auxiliary_head.num_classes == K
    label = recorder.labels[0]
    logits = F.interpolate(recorder.aux[0].detach(), label.shape[1:], mode='bilinear')
    expected = 0.4 * F.cross_entropy(logits, label, ignore_index=255)
    assert logs[1]['aux.loss_ce'] == pytest.approx(expected.item(), rel=1e-4)
    total = logs[1]['aux.loss_ce'] + logs[1]['decode.loss_ce']
    assert logs[1]['loss'] == pytest.approx(total, rel=1e-5)


def test_composer_init_draws_the_head_by_fan_in(tmp_path):
    _, _, runner = train(tmp_path, 'composer_init', optim_wrapper__optimizer__lr=0.0)
    head = runner.model.decode_head
    conv = head.convs[0]
    fan_in = 32 * 9
    assert conv.conv.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.06)
    assert head.conv_seg.weight.std().item() == pytest.approx((2 / 8) ** 0.5, rel=0.3)
    assert torch.equal(conv.bn.weight, torch.ones(8))
    assert not conv.bn.bias.any()
    assert not head.conv_seg.bias.any()


@pytest.mark.slow
def test_a_compiled_step_is_the_same_step(tmp_path):
    found = []
    for name, mixins in (('plain', ()), ('compiled', ('compile',))):
        folder = tmp_path / name
        folder.mkdir()
        # Inductor takes minutes; the backend is not what the mixin adds.
        options = dict(compile__backend='eager') if mixins else {}
        _, _, runner = train(folder, *mixins, iters=1, **options)
        compiled = hasattr(runner.model.train_step, '_torchdynamo_orig_callable')
        assert compiled == bool(mixins)
        found.append(weights(folder / 'run' / 'iter_1.pth'))
    for key, value in found[0].items():
        torch.testing.assert_close(found[1][key], value, msg=key)


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
    assert config.model.auxiliary_head.num_classes == head.num_classes == 11
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
        (None, {}, FileNotFoundError, r'weights\.json.*tools/class_weights\.py'),
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
