"""What `load_from` and testing do with checkpoints that do not fit wholly."""

import pytest
import torch
from mmengine.hooks import Hook
from mmseg.registry import MODELS
from training import evaluate_here, log_of, train_here, weights, write_config

from mmseg_deeplab.config import read_config

LAYERS = ('auxiliary_head.conv2d_list.0', 'auxiliary_head.conv2d_list.1')
LAYERS += ('decode_head.conv_seg',)
CLASSIFIERS = [f'{layer}.{kind}' for layer in LAYERS for kind in ('bias', 'weight')]
AUXILIARY = """
model['auxiliary_head'] = dict(
    type='ClassifierModule', in_channels=16, in_index=2, num_classes={classes},
    dilations=(1, 2), norm_cfg=None, loss_decode=dict(type='CrossEntropyLoss'))
model['decode_head']['num_classes'] = {classes}
"""


class Loaded(Hook):
    """Keep the weights that a training begins with."""

    def before_train(self, runner):
        self.state = {k: v.clone() for k, v in runner.model.state_dict().items()}


def config(folder, classes: int = 3, extra: str = ''):
    folder.mkdir()
    extra = AUXILIARY.format(classes=classes) + extra
    return write_config(folder, iters=1, interval=1, extra=extra)


@pytest.fixture
def five(tmp_path):
    """Return a checkpoint of the tiny network with five classes."""
    cfg = read_config(str(config(tmp_path / 'five', classes=5)))
    state = MODELS.build(cfg.model).state_dict()
    torch.save({'state_dict': state, 'meta': {}}, tmp_path / 'five.pth')
    return tmp_path / 'five.pth'


def rewrite(path, change):
    torch.save({'state_dict': change(weights(path)), 'meta': {}}, path)


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_other_classes_load_everything_but_the_classifiers(tmp_path, five, prefix):
    theirs, loaded, three = weights(five), Loaded(), config(tmp_path / 'three')
    rewrite(five, lambda state: {prefix + k: v for k, v in state.items()})
    train_here(three, tmp_path / 'work', load_from=str(five), hooks=[loaded])
    other = {k for k, v in theirs.items() if not torch.equal(v, loaded.state[k])}
    assert sorted(other) == CLASSIFIERS
    log = log_of(tmp_path / 'work')
    assert log.count('not loaded, other classes') == 6
    assert 'conv_seg.weight: (5, 8, 1, 1) in the checkpoint, (3, 8, 1, 1) in' in log


def test_every_other_shape_is_an_error(tmp_path, five):
    wide = config(tmp_path / 'wide', extra="model['decode_head']['channels'] = 4\n")
    message = r'five\.pth does not fit .*convs.0.conv.bias: \(8,\) in .*\(4,\).*width'
    with pytest.raises(ValueError, match=message):
        train_here(wide, tmp_path / 'work', load_from=str(five))


def test_weights_of_another_code_base_are_an_error_with_the_remedy(tmp_path, five):
    rewrite(five, lambda s: {k.replace('backbone.', 'net.'): v for k, v in s.items()})
    rewrite(five, lambda s: {k: v for k, v in s.items() if 'head' not in k})
    with pytest.raises(ValueError, match=r'five\.pth has 0 of .*mmseg-deeplab convert'):
        train_here(config(tmp_path / 'a'), tmp_path / 'work', load_from=str(five))


def test_a_classifier_of_other_classes_cannot_be_evaluated(tmp_path, five):
    three = config(tmp_path / 'three')
    with pytest.raises(ValueError, match=r'conv_seg.*\(5,\).*\(3,\).*num_classes'):
        evaluate_here(three, five, tmp_path / 'work')


def test_evaluation_needs_what_it_uses(tmp_path):
    three = config(tmp_path / 'three')
    train_here(three, tmp_path / 'work')
    checkpoint = tmp_path / 'work' / 'iter_1.pth'
    rewrite(checkpoint, lambda s: {k: s[k] for k in s if 'auxiliary_head' not in k})
    assert 'mIoU' in evaluate_here(three, checkpoint, tmp_path / 'test')
    rewrite(checkpoint, lambda s: {k: s[k] for k in s if 'decode_head' not in k})
    with pytest.raises(ValueError, match=r'lacks 4 tensors.*decode_head\.conv_seg'):
        evaluate_here(three, checkpoint, tmp_path / 'test')


def test_a_training_cannot_be_resumed_with_other_classes(tmp_path):
    train_here(config(tmp_path / 'three'), tmp_path / 'work')
    names = "dataset['metainfo'] = dict(classes=list('abcd'), palette=[[0] * 3] * 4)"
    four = config(tmp_path / 'four', classes=4, extra=names)
    with pytest.raises(ValueError, match=r'iter_1\.pth does not fit .*num_classes'):
        train_here(four, tmp_path / 'work', resume=True)
