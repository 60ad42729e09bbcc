"""Networks of TensorFlow's model zoo, converted: same logits as TensorFlow."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import converted_model, tensorflow_shapes, tensorflow_value
from torch.nn import functional as F

from mmseg_deeplab.checkpoints import convert, model_config

GOLDEN = Path(__file__).parents[1] / 'data' / 'golden' / 'tensorflow.npz'


def small(kind: str = 'mobilenet_half') -> dict[str, torch.Tensor]:
    """Return the variables of a small network of that kind."""
    return {
        name: torch.from_numpy(np.asarray(tensorflow_value(name, shape)))
        for name, shape in tensorflow_shapes()[kind].items()
    }


# Kind, output stride and size of the logits that TensorFlow 2.21 gave for these
# variables; of the papers' crop every fourth row and column is stored.
CASES = [name.split('-') for name in np.load(GOLDEN).files]


@pytest.mark.parametrize('kind, stride, size', CASES)
def test_same_logits_as_tensorflow(kind, stride, size):
    model = converted_model(small(kind), 'tensorflow', int(stride))
    shape = (1, *map(int, size.split('x')), 3)
    image = np.random.default_rng(0).normal(size=shape).astype('f4')
    with torch.no_grad():
        ours = model(torch.from_numpy(image).permute(0, 3, 1, 2), mode='tensor')
    ours = ours.permute(0, 2, 3, 1).numpy()
    step = 4 if size == '513x513' else 1
    theirs = np.load(GOLDEN)[f'{kind}-{stride}-{size}']
    assert theirs.std() > 1e-2
    assert ours[:, ::step, ::step].shape == theirs.shape
    assert np.abs(ours[:, ::step, ::step] - theirs).max() <= 1e-4 * np.abs(theirs).max()


# Parameters of bonlime/keras-deeplab-v3-plus, which holds the zoo's VOC weights.
@pytest.mark.parametrize(
    'kind, parameters', [('zoo_xception_65', 41_258_213), ('zoo_mobilenet', 2_146_645)]
)
def test_the_zoos_networks_load_strictly(kind, parameters):
    shapes = tensorflow_shapes()[kind]
    assert sum(map(math.prod, shapes.values())) == parameters
    state = {key: torch.empty(shape) for key, shape in shapes.items()}
    converted_model(state, 'tensorflow', 16)


def test_slots_and_counters_are_left_out():
    state = small()
    extra = {f'{key}/Momentum': value for key, value in state.items()}
    extra |= dict.fromkeys(('global_step', 'train/beta1_power'), torch.tensor(1))
    plain, converted = (convert(s, 'tensorflow') for s in (state, state | extra))
    assert converted.keys() == plain.keys()


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
        ('resnet_50_beta', 'resnet_v1_50/logits/weights'),
    ],
)
def test_image_classifiers_give_a_backbone(kind, extra):
    backbones = ('Mob', 'xcep', 'resnet')
    state = {k: v for k, v in small(kind).items() if k.startswith(backbones)}
    state[extra] = torch.zeros(1, 1, 4, 1001)
    assert all(k.startswith('backbone.') for k in convert(state, 'tensorflow'))
    with pytest.raises(ValueError, match='image classifier'):
        model_config(state, 'tensorflow', output_stride=16)


@pytest.mark.parametrize(
    'key, message',
    [
        ('dense_prediction_cell/branch_0/weights', 'not known.*dense_prediction_cell'),
        ('MobilenetV2/expanded_conv_17/project/weights', 'not known.*conv_17'),
        ('resnet_v1_101/conv1/weights', 'not known.*resnet_v1_101/conv1'),  # 7x7
        ('meta_architecture/branch5/weights', 'not known.*branch5'),
    ],
)
def test_what_is_not_converted_is_named(key, message):
    with pytest.raises(ValueError, match=message):
        convert(small() | {key: torch.zeros(1, 1, 2, 2)}, 'tensorflow')


@pytest.mark.parametrize(
    'left_out, stride, message',
    [('nothing', 32, 'DensePredictionCellHead has no whole'), ('dec', 16, 'decoder')],
)
def test_dense_prediction_cell_has_whole_rates_and_a_decoder(left_out, stride, message):
    state = small('resnet_101_beta_cell')
    state = {key: v for key, v in state.items() if not key.startswith(left_out)}
    with pytest.raises(ValueError, match=message):
        model_config(state, 'tensorflow', output_stride=stride)


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
