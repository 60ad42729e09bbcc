"""ResNetMulti: geometry, freezing, initialisation."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

pytestmark = pytest.mark.usefixtures('device')


def build(**options) -> nn.Module:
    options = dict(depth=26, base_channels=4, frozen_bn='none') | options
    return MODELS.build(dict(type='ResNetMulti', **options))


def caffe_sizes(size: int, output_stride: int) -> list[int]:
    """The sizes of the four outputs, step by step: every stride-2 layer rounds up."""
    size = -(-size // 2)  # conv1, 7x7/2 pad 3
    size = -(-(size - 1) // 2) + 1  # pool, 3x3/2 pad 1, ceil
    strides = {8: (1, 2, 1, 1), 16: (1, 2, 2, 1), 32: (1, 2, 2, 2)}[output_stride]
    sizes = []
    for stride in strides:
        size = -(-size // stride)
        sizes.append(size)
    return sizes


@pytest.mark.parametrize('output_stride', [8, 16, 32])
@pytest.mark.parametrize('size', [(65, 97), (64, 96), (321, 50)])
def test_feature_sizes_follow_caffe_rounding(size, output_stride):
    outputs = build(output_stride=output_stride)(torch.zeros(1, 3, *size))
    expected = list(zip(*(caffe_sizes(n, output_stride) for n in size), strict=True))
    assert [tuple(x.shape[2:]) for x in outputs] == expected
    assert caffe_sizes(321, 8)[-1] == 41  # the crop of the release


@pytest.mark.parametrize('depth, blocks', [(26, 8), (50, 16), (101, 33), (152, 50)])
def test_depth_is_the_number_of_weighted_layers(depth, blocks):
    model = build(depth=depth)
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    convolutions = [name for name in names if 'downsample' not in name]
    assert len(convolutions) == 3 * blocks + 1 == depth - 1


@pytest.mark.parametrize(
    'output_stride, multi_grid, expected',
    [
        (8, None, (4, 4)),
        (16, None, (2, 2)),
        (32, None, (1, 1)),
        (16, (1, 2), (2, 4)),
        (8, (1, 2), (4, 8)),
    ],
)
def test_multi_grid_multiplies_the_rate(output_stride, multi_grid, expected):
    model = build(output_stride=output_stride, multi_grid=multi_grid)
    assert tuple(block.conv2.dilation[0] for block in model.layer4) == expected


@pytest.mark.parametrize(
    'frozen_bn, trains, follows',
    [('none', True, True), ('affine', False, True), ('all', False, False)],
)
@pytest.mark.parametrize('again', [False, True])
def test_frozen_bn_survives_train(frozen_bn, trains, follows, again):
    model = build(frozen_bn=frozen_bn)
    model = model.eval().train() if again else model
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    before = [norm.running_mean.clone() for norm in norms]
    model(torch.randn(2, 3, 33, 33) + 1)
    assert {p.requires_grad for m in norms for p in m.parameters()} == {trains}
    moved = [
        not torch.equal(a, m.running_mean) for a, m in zip(before, norms, strict=True)
    ]
    assert all(moved) if follows else not any(moved)


def test_frozen_branches_are_not_dead_at_the_start():
    model = build(frozen_bn='all')
    model.init_weights()
    x = torch.randn(1, 3, 33, 33)
    model(x)[-1].sum().backward()
    grads = [b.conv2.weight.grad.abs().max() for b in model.layer4]
    assert min(grads) > 0
