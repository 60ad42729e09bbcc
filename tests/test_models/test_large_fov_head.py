"""LargeFOVHead: fc6, fc7 and fc8 of each branch, summed."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def build(**options):
    options = dict(in_channels=8, in_index=0, num_classes=5, channels=16) | options
    return MODELS.build(dict(type='LargeFOVHead', **options))


def plain(head, x):
    """Run the branches through plain functions, from the state dict alone."""
    state, logits = head.state_dict(), 0
    for i, rate in enumerate(head.dilations):
        tensors = [
            (state[f'branches.{i}.{name}.weight'], state[f'branches.{i}.{name}.bias'])
            for name in ('fc6', 'fc7', 'fc8')
        ]
        hidden = F.relu(F.conv2d(x, *tensors[0], padding=rate, dilation=rate))
        logits = logits + F.conv2d(F.relu(F.conv2d(hidden, *tensors[1])), *tensors[2])
    return logits


@pytest.mark.parametrize('dilations', [(12,), (6, 12, 18, 24), (1, 3)])
def test_equals_plain_convolutions(dilations):
    head, x = build(dilations=dilations).eval(), torch.randn(2, 8, 29, 15)
    torch.testing.assert_close(head([x]), plain(head, x))


def test_size_is_that_of_v1():
    # 20.5 M parameters with VGG-16's convolutions of 14.7 M (DeepLab v1, table 2).
    head = build(in_channels=512, channels=1024, num_classes=21)
    parameters = sum(p.numel() for p in head.parameters())
    assert (14_714_688 + parameters) / 1e6 == pytest.approx(20.5, abs=0.05)


def test_drops_after_fc6_and_fc7_in_training_only():
    head, x = build(dropout_ratio=0.5, channels=512), torch.randn(1, 8, 9, 9)
    assert not torch.equal(head([x]), head([x]))
    head.eval()
    assert torch.equal(head([x]), head([x]))


def test_classifiers_start_small_and_every_parameter_is_used():
    head = build(channels=1024, num_classes=19, dilations=(6, 12))
    head.init_weights()
    for branch in head.branches:
        assert branch.fc8.weight.std().item() == pytest.approx(0.01, rel=0.05)
    head.eval()([torch.randn(1, 8, 9, 9)]).sum().backward()
    assert all(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize(
    'options', [dict(num_classes=None), dict(dilations=()), dict(dilations=(0,))]
)
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(**options)
