"""Depthwise atrous convolutions of a network are sped up, and nothing else changes."""

import copy
import pickle

import pytest
import torch
from mmengine.model.efficient_conv_bn_eval import (
    turn_on_efficient_conv_bn_eval_for_single_model,
)
from mmseg.registry import MODELS
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.prune import l1_unstructured

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import replace_sync_bn
from mmseg_deeplab.models.depthwise_conv_layer import (
    speed_up_depthwise_atrous_convs,
)


def are_sped_up(net: nn.Module) -> list[str]:
    """Return the names of the convolutions that are not torch's own."""
    return [name for name, module in net.named_modules() if 'forward' in vars(module)]


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
    'subclass': OwnConv2d(4, 4, 3, padding=2, dilation=2, groups=4),
}


@pytest.mark.parametrize('name', OTHERS)
def test_other_convolutions_stay(name):
    net = nn.Sequential(OTHERS[name])
    speed_up_depthwise_atrous_convs(net)
    assert not are_sped_up(net)


CHANGES = {
    'none': lambda conv: conv,
    'copy': copy.deepcopy,
    'pickle': lambda conv: pickle.loads(pickle.dumps(conv)),
    'weight_norm': nn.utils.weight_norm,
    'pruned': lambda conv: l1_unstructured(conv, 'weight', 0.5),
    'parametrized': spectral_norm,
}


@pytest.mark.parametrize('before', [False, True])
@pytest.mark.parametrize('change', CHANGES)
def test_state_and_results_stay_whatever_is_done_to_the_convolution(change, before):
    stock, ours = (nn.Sequential(depthwise()) for _ in range(2))
    if not before:
        speed_up_depthwise_atrous_convs(ours)
    ours.load_state_dict(stock.state_dict())
    image = torch.randn(2, 4, 9, 9)
    for net in (stock, ours):
        torch.manual_seed(0)
        net[0] = CHANGES[change](net[0])
    if before:
        speed_up_depthwise_atrous_convs(ours)
    with torch.no_grad():  # so that the copy must not share the weights
        for net in (stock, ours):
            torch.manual_seed(1)
            for tensor in net.parameters():
                tensor.normal_()
    # A parametrization gives the module another class.
    assert are_sped_up(ours) or (before and change == 'parametrized')
    assert list(ours.state_dict()) == list(stock.state_dict())
    torch.testing.assert_close(ours(image), stock(image))


def test_mmengine_can_fold_batch_norm_while_it_is_frozen():
    """``efficient_conv_bn_eval`` of a config traces the network by torch.fx."""
    net = nn.Sequential(depthwise(), nn.BatchNorm2d(4), depthwise(), nn.ReLU()).eval()
    image = torch.randn(2, 4, 9, 9)
    expected = net(image)
    speed_up_depthwise_atrous_convs(net)
    turn_on_efficient_conv_bn_eval_for_single_model(net)
    assert 'efficient_conv_bn_eval' in net.forward.__self__.code
    torch.testing.assert_close(net(image), expected)


def test_every_atrous_convolution_of_v3plus_is_sped_up():
    """Three blocks of MobileNetV2 and three branches of the pyramid."""
    cfg = read_config('deeplabv3plus_mobilenetv2_synthetic_streets')
    replace_sync_bn(cfg)
    model = MODELS.build(cfg.model)
    found = {
        name: module.dilation[0]
        for name, module in model.named_modules()
        if name in are_sped_up(model)
    }
    pyramid = {n: d for n, d in found.items() if n.startswith('decode_head')}
    assert list(pyramid.values()) == [2, 3, 4]
    assert len(found) - len(pyramid) == 3
