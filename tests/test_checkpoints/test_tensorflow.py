"""Networks of TensorFlow's model zoo, converted: same logits as TensorFlow's rules."""

import functools
import math

import numpy as np
import pytest
import tensorflow_side
import torch
from mmengine import Config
from mmseg.registry import MODELS
from tensorflow_networks import (
    Network,
    add_head,
    mobilenet_variables,
    xception_variables,
)
from torch.nn import functional as F

from mmseg_deeplab.checkpoints import convert, convert_file, load, model_config


class TorchOps:
    """The operations of ``tensorflow_networks`` in plain torch, maps (N, H, W, C)."""

    relu, relu6 = staticmethod(F.relu), staticmethod(F.relu6)
    concat = staticmethod(functools.partial(torch.cat, dim=3))

    def conv2d(self, x, weights, stride, rate, padding, groups=1):
        kernel = weights.permute(3, 2, 0, 1)
        x = x.permute(0, 3, 1, 2)
        if padding == 'SAME':  # TensorFlow: the odd one goes to the bottom and right
            pads = []
            for size, taps in zip(x.shape[:1:-1], kernel.shape[:1:-1], strict=True):
                out = -(-size // stride)
                total = max((out - 1) * stride + (taps - 1) * rate + 1 - size, 0)
                pads += [total // 2, total - total // 2]
            x = F.pad(x, pads)
        x = F.conv2d(x, kernel, stride=stride, dilation=rate, groups=groups)
        return x.permute(0, 2, 3, 1)

    def depthwise_conv2d(self, x, weights, stride, rate, padding):
        weights = weights.transpose(2, 3)
        return self.conv2d(x, weights, stride, rate, padding, groups=x.shape[3])

    def batch_norm(self, x, gamma, beta, mean, variance, eps):
        return (x - mean) / torch.sqrt(variance + eps) * gamma + beta

    def pad(self, x, n):
        return F.pad(x, (0, 0, n, n, n, n))

    def spatial_mean(self, x):
        return x.mean((1, 2), keepdim=True)

    def size(self, x):
        return x.shape[1:3]

    def resize(self, x, size):
        x = F.interpolate(
            x.permute(0, 3, 1, 2), tuple(size), mode='bilinear', align_corners=True
        )
        return x.permute(0, 2, 3, 1)


@functools.cache
def network(kind: str) -> dict[str, np.ndarray]:
    """Return the variables of a small network of that kind."""
    if kind.startswith('mobilenet'):
        variables, channels = mobilenet_variables(1 if kind == 'mobilenet' else 0.5)
        add_head(variables, channels, rates=0)
        return variables.values()
    depth = int(kind.split('_')[1])
    variables, channels, low_level = xception_variables(depth, width=1 / 16)
    add_head(
        variables,
        channels,
        low_level=None if 'v3_only' in kind else low_level,
        separable='plain' not in kind,
        image_pooling='no_pool' not in kind,
    )
    return variables.values()


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, height, width, 3)).astype('f4')


def as_state(values: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.asarray(v)) for name, v in values.items()}


def converted_logits(values: dict, stride: int, x: np.ndarray) -> np.ndarray:
    """Return (N, h, w, K) logits of the converted network."""
    state = as_state(values)
    model = MODELS.build(model_config(state, 'tensorflow', output_stride=stride))
    model.load_state_dict(convert(state, 'tensorflow'), strict=True)
    return logits_of(model, x)


def logits_of(model: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        out = model.eval()(torch.from_numpy(x).permute(0, 3, 1, 2), mode='tensor')
    return out.permute(0, 2, 3, 1).numpy()


def expected_logits(values: dict, stride: int, x: np.ndarray) -> np.ndarray:
    """Return (N, h, w, K) logits by TensorFlow's rules in plain torch."""
    net = Network(TorchOps(), as_state(values), stride)
    return net.logits(torch.from_numpy(x)).numpy()


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert ours.shape == theirs.shape
    assert theirs.std() > 1e-2
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


XCEPTIONS = ['xception_65', 'xception_41', 'xception_71', 'xception_65_plain']
XCEPTIONS += ['xception_65_v3_only', 'xception_65_no_pool']
KINDS = [*XCEPTIONS, 'mobilenet', 'mobilenet_half']


CASES = [(kind, stride, (65, 97)) for kind in KINDS for stride in (8, 16, 32)]
CASES += [(kind, 16, (513, 513)) for kind in ('xception_65', 'mobilenet')]
CASES += [('xception_65', stride, (64, 90)) for stride in (8, 16)]  # even sizes


@pytest.mark.parametrize('kind, stride, size', CASES)
def test_same_logits_as_tensorflows_rules(kind, stride, size):
    values, x = network(kind), image(*size)
    theirs = expected_logits(values, stride, x)
    if size == (513, 513):  # the papers' crop
        assert theirs.shape[1] == (129 if kind == 'xception_65' else 33)
    assert_same(converted_logits(values, stride, x), theirs)


# Parameters of bonlime/keras-deeplab-v3-plus, which holds the zoo's VOC weights.
@pytest.mark.parametrize(
    'kind, parameters', [('xception', 41_258_213), ('mobilenet', 2_146_645)]
)
def test_the_zoos_networks_load_strictly(kind, parameters):
    options = dict(depth=256, classes=21)
    if kind == 'xception':
        variables, channels, low_level = xception_variables(65)
        options |= dict(low_level=low_level, low_level_depth=48)
    else:
        variables, channels = mobilenet_variables()
        options |= dict(rates=0)
    add_head(variables, channels, **options)
    assert sum(map(math.prod, variables.shapes.values())) == parameters
    state = {key: torch.empty(shape) for key, shape in variables.shapes.items()}
    with torch.device('meta'):
        model = MODELS.build(model_config(state, 'tensorflow', output_stride=16))
    model.load_state_dict(convert(state, 'tensorflow'), strict=True, assign=True)


@pytest.mark.slow
@pytest.mark.skipif(tensorflow_side.tensorflow_python() is None, reason='no TensorFlow')
@pytest.mark.parametrize('kind', ['xception_65', 'mobilenet_half'])
def test_same_logits_as_tensorflow_itself(tmp_path, kind):
    values, x = network(kind), image(65, 97)
    np.savez(tmp_path / 'v.npz', **values)
    np.save(tmp_path / 'x.npy', x)
    tensorflow_side.run(
        'logits', tmp_path / 'v.npz', tmp_path / 'x.npy', tmp_path, 8, 16
    )
    for stride in (8, 16):
        file = tmp_path / f'os{stride}.pth'
        convert_file('tensorflow', tmp_path / 'model.ckpt', file, output_stride=stride)
        model = MODELS.build(Config.fromfile(file.with_suffix('.py')).model)
        model.load_state_dict(load(file)['state_dict'], strict=True)
        theirs = np.load(tmp_path / f'logits_{stride}.npy')
        assert_same(logits_of(model, x), theirs)


def small(kind: str = 'mobilenet_half') -> dict[str, torch.Tensor]:
    return as_state(network(kind))


def test_slots_and_counters_are_left_out():
    state = small()
    extra = {f'{key}/Momentum': value for key, value in state.items()}
    extra |= {
        'global_step': torch.tensor(30000),
        'train/beta1_power': torch.tensor(0.9),
    }
    assert (
        convert(state | extra, 'tensorflow').keys()
        == convert(state, 'tensorflow').keys()
    )


def test_averages_are_taken_when_asked_for():
    state = small()
    averages = {f'{k}/ExponentialMovingAverage': v + 1 for k, v in state.items()}
    key = 'backbone.conv1.bn.bias'
    plain = convert(state | averages, 'tensorflow')[key]
    averaged = convert(state | averages, 'tensorflow', use_averages=True)[key]
    torch.testing.assert_close(averaged, plain + 1)
    with pytest.raises(ValueError, match='no exponential moving averages'):
        convert(state, 'tensorflow', use_averages=True)


@pytest.mark.parametrize(
    'kind, extra',
    [
        ('mobilenet_half', 'MobilenetV2/Conv_1/weights'),
        ('mobilenet_half', 'MobilenetV2/Logits/Conv2d_1c_1x1/weights'),
        ('xception_41', 'xception_41/logits/weights'),
    ],
)
def test_image_classifiers_give_a_backbone(kind, extra):
    state = {k: v for k, v in small(kind).items() if k.startswith(('Mob', 'xcep'))}
    state[extra] = torch.zeros(1, 1, 4, 1001)
    assert all(k.startswith('backbone.') for k in convert(state, 'tensorflow'))
    with pytest.raises(ValueError, match='image classifier'):
        model_config(state, 'tensorflow', output_stride=16)


@pytest.mark.parametrize(
    'key, message',
    [
        ('dense_prediction_cell/branch_0/weights', 'not known.*dense_prediction_cell'),
        ('MobilenetV2/expanded_conv_17/project/weights', 'not known.*conv_17'),
        ('resnet_v1_101/block1/unit_1/bottleneck_v1/conv1/weights', 'last unit'),
    ],
)
def test_what_is_not_converted_is_named(key, message):
    with pytest.raises(ValueError, match=message):
        convert(small() | {key: torch.zeros(1, 1, 2, 2)}, 'tensorflow')


def test_depthwise_multiplier_keeps_tensorflows_channel_order():
    """tf.nn.depthwise_conv2d: output c * M + m is input c by filter (..., c, m)."""
    weights = torch.randn(3, 3, 4, 2)
    key = 'aspp1_depthwise/depthwise_weights'
    kernel = convert({key: weights}, 'tensorflow')[
        'decode_head.aspp_modules.1.depthwise_conv.conv.weight'
    ]
    x = torch.randn(1, 4, 5, 5)
    out = F.conv2d(x, kernel, groups=4)
    expected = F.conv2d(x[:, 2:3], weights[:, :, 2, 1][None, None])
    torch.testing.assert_close(out[:, 5:6], expected)
