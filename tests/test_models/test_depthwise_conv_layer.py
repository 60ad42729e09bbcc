"""Depthwise atrous convolutions of a network are replaced, and nothing else is."""

import copy

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import replace_sync_bn
from mmseg_deeplab.models.depthwise_conv_layer import (
    DepthwiseAtrousConv2d,
    replace_depthwise_atrous_convs,
)


def depthwise(**options):
    settings = dict(kernel_size=3, padding=2, dilation=2, groups=4)
    return nn.Conv2d(4, 4, **settings | options)


class OwnConv2d(nn.Conv2d):
    """What a subclass computes is its own matter."""


OTHERS = {
    'dense': depthwise(groups=1),
    'grouped': depthwise(groups=2),
    'not atrous': depthwise(padding=1, dilation=1),
    'strided': depthwise(stride=2),
    'another size': depthwise(padding=1),
    'by name': depthwise(padding='same'),
    'even': depthwise(kernel_size=2, padding=1),
    'two rates': depthwise(padding=(2, 3), dilation=(2, 3)),
    'reflected': depthwise(padding_mode='reflect'),
    'two maps per channel': nn.Conv2d(4, 8, 3, padding=2, dilation=2, groups=4),
    'one channel': nn.Conv2d(1, 1, 3, padding=2, dilation=2),
    'weight_norm': nn.utils.weight_norm(depthwise()),
    'subclass': OwnConv2d(4, 4, 3, padding=2, dilation=2, groups=4),
}


@pytest.mark.parametrize('name', OTHERS)
def test_other_convolutions_stay(name):
    net = nn.Sequential(OTHERS[name])
    replace_depthwise_atrous_convs(net)
    assert net[0] is OTHERS[name]


@pytest.mark.parametrize('bias', [True, False])
@torch.no_grad()
def test_parameters_state_and_results_stay(bias):
    stock = nn.Sequential(depthwise(bias=bias), nn.ReLU()).eval()
    ours = nn.Sequential(stock[0], nn.ReLU()).eval()
    image = torch.randn(2, 4, 9, 9)
    random = torch.get_rng_state()
    replace_depthwise_atrous_convs(ours)
    assert torch.equal(torch.get_rng_state(), random)
    assert type(ours[0]) is DepthwiseAtrousConv2d
    assert ours[0].weight is stock[0].weight
    assert ours[0].bias is stock[0].bias
    assert not ours[0].training
    assert list(ours.state_dict()) == list(stock.state_dict())
    torch.testing.assert_close(copy.deepcopy(ours)(image), stock(image))


def test_a_convolution_in_two_places_stays_one():
    shared = depthwise()
    net = nn.ModuleList([nn.Sequential(shared), nn.Sequential(shared, shared)])
    replace_depthwise_atrous_convs(net)
    assert type(net[0][0]) is DepthwiseAtrousConv2d
    assert net[0][0] is net[1][0] is net[1][1]


def test_mmengine_can_trace_it():
    """``efficient_conv_bn_eval`` of a config traces the network by torch.fx."""
    net = nn.Sequential(depthwise(), nn.BatchNorm2d(4)).eval()
    image = torch.randn(2, 4, 9, 9)
    expected = net(image)
    replace_depthwise_atrous_convs(net)
    torch.testing.assert_close(torch.fx.symbolic_trace(net)(image), expected)


def test_every_atrous_convolution_of_v3plus_is_replaced():
    """Three blocks of MobileNetV2 and three branches of the pyramid."""
    cfg = read_config('deeplabv3plus_mobilenetv2_synthetic_streets')
    replace_sync_bn(cfg)
    model = MODELS.build(cfg.model)
    found = {
        name: module.dilation[0]
        for name, module in model.named_modules()
        if isinstance(module, DepthwiseAtrousConv2d)
    }
    pyramid = {n: d for n, d in found.items() if n.startswith('decode_head')}
    assert list(pyramid.values()) == [2, 3, 4]
    assert len(found) - len(pyramid) == 3
