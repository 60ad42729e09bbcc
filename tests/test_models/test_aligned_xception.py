"""AlignedXception: parity, rates, parameters, initial weights."""

import functools

import numpy as np
import pytest
import torch
from golden import reference_input, reference_output, reference_state
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.checkpoints.families.jfzhang95 import XCEPTION_MODULES

pytestmark = pytest.mark.usefixtures('device')

XCEPTION = 'jfzhang95_xception_os16'


def renamed(key: str) -> str:
    module, _, tensor = key.rpartition('.')
    return f'{XCEPTION_MODULES[module]}.{tensor}'


def build(**options) -> nn.Module:
    options = dict(depth=41, widen_factor=1 / 16) | options
    return MODELS.build(dict(type='AlignedXception') | options)


@functools.cache
def converted_model(name: str) -> nn.Module:
    model = build(
        type='JFZhang95Xception',
        depth=65,
        widen_factor=1,
        output_stride=int(name.rpartition('os')[2]),
        norm_cfg=dict(type='BN'),
    )
    state = reference_state(name)
    model.load_state_dict({renamed(key): state[key] for key in state})
    return model.eval()


@pytest.mark.parametrize('size', ['odd', 'wide'])
@pytest.mark.parametrize('name', [XCEPTION, 'jfzhang95_xception_os8'])
def test_same_features_as_jfzhang95(name, size):
    with torch.no_grad():
        low, _, _, feat = (
            x.numpy() for x in converted_model(name)(reference_input(size))
        )
    for ours, array in (
        (feat[:, ::8], 'feat_every8'),
        (feat.mean((2, 3)), 'feat_mean'),
        (low[:, ::4], 'low_every4'),
        (low.mean((2, 3)), 'low_mean'),
    ):
        stored = reference_output(name, f'{array}_{size}')
        assert ours.shape == stored.shape
        assert np.abs(ours - stored).max() <= 1e-4 * np.abs(stored).max(), array


@pytest.mark.parametrize(
    'kind, low', [('AlignedXception', 256), ('JFZhang95Xception', 128)]
)
def test_channels_of_the_outputs(kind, low):
    with torch.device('meta'):
        model = build(depth=65, widen_factor=1, type=kind)
        outputs = model(torch.zeros(2, 3, 33, 33))
    assert [x.shape[1] for x in outputs] == [low, 256, 728, 2048]


def rates(block: nn.Module) -> tuple[int, ...]:
    convs = [conv.depthwise_conv.conv for conv in block.convs]
    assert all(conv.padding == conv.dilation for conv in convs)
    return tuple(conv.dilation[0] for conv in convs)


@pytest.mark.parametrize(
    'output_stride, entry, middle, first_exit, last_exit',
    [(8, 1, 2, 2, 4), (16, 1, 1, 1, 2), (32, 1, 1, 1, 1)],
)
@pytest.mark.parametrize('depth', [41, 65, 71])
def test_a_block_without_its_stride_keeps_the_rate_before(
    depth, output_stride, entry, middle, first_exit, last_exit
):
    model = build(depth=depth, output_stride=output_stride)
    assert rates(model.entry[-1]) == (entry,) * 3
    assert {rates(block) for block in model.middle} == {(middle,) * 3}
    assert rates(model.exit[0]) == (first_exit,) * 3
    assert rates(model.exit[1]) == (last_exit,) * 3


# Millions with 1000 classes: results of pytorch-image-models, which has TF's networks.
@pytest.mark.parametrize('depth, millions', [(41, 26.97), (65, 39.92), (71, 42.34)])
def test_number_of_parameters_is_the_published_one(depth, millions):
    with torch.device('meta'):
        model = build(depth=depth, widen_factor=1)
    classifier = 2048 * 1000 + 1000
    total = sum(p.numel() for p in model.parameters()) + classifier
    assert total / 1e6 == pytest.approx(millions, abs=0.005)


def test_low_level_feature_is_taken_before_the_strided_convolution():
    """TF's separable_conv2_pointwise: after BatchNorm, without an activation."""
    model = build().eval()
    seen = []
    model.entry[1].convs[1].register_forward_hook(lambda *a: seen.append(a[2]))
    low = model(torch.randn(1, 3, 33, 33))[0]
    assert torch.equal(low, seen[0])
    assert low.min() < 0


def test_weights_begin_as_tfs_truncated_normal():
    """TF cuts 0.09 off at two standard deviations, which leaves 0.0792."""
    model = build(widen_factor=0.25)
    model.init_weights()
    weight = torch.cat(
        [m.weight.flatten() for m in model.modules() if isinstance(m, nn.Conv2d)]
    )
    assert weight.abs().max() <= 0.18
    assert weight.std().item() == pytest.approx(0.09 * 0.8796, rel=0.01)
