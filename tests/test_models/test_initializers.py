"""Initializers by name, against torch's own and against MMEngine's init_cfg."""

import torch
from mmengine.model import initialize
from torch import nn

from mmseg_deeplab.models.initializers import bn_ones, kaiming_normal


def network() -> nn.Module:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(16, 64, 3), nn.BatchNorm2d(64), nn.ConvTranspose2d(64, 8, 2),
        nn.Sequential(nn.Linear(128, 256), nn.BatchNorm1d(256, affine=False)),
    )  # fmt: skip
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(7.0)
    return net


def test_kaiming_normal_is_torchs_on_convolutions_and_linear_layers():
    found, expected = network(), network()
    torch.manual_seed(0)
    found.apply(kaiming_normal)
    torch.manual_seed(0)
    for layer in (expected[0], expected[3][0]):
        nn.init.normal_(layer.weight, std=(2 / layer.weight[0].numel()) ** 0.5)
    for key, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


def test_bn_ones_leaves_the_rest_alone():
    net = network()
    net.apply(bn_ones)
    changed = {k for k, p in net.named_parameters() if not (p == 7).all()}
    assert changed == {'1.weight', '1.bias'}
    assert torch.equal(net[1].weight, torch.ones(64))
    assert not net[1].bias.any()


def test_the_mixin_says_the_same_but_for_biases(load_config):
    mixin = load_config('_base_/mixins/composer_init.py').composer_init
    by_config, by_name = network(), network()
    torch.manual_seed(0)
    initialize(by_config, mixin.model.decode_head.init_cfg)
    torch.manual_seed(0)
    by_name.apply(kaiming_normal).apply(bn_ones)
    for key, value in by_name.named_parameters():
        expected = by_config.get_parameter(key)
        if key in ('0.bias', '3.0.bias'):
            assert not expected.any()
        else:
            assert torch.equal(value, expected), key
