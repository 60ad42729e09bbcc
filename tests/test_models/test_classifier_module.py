"""ClassifierModule: the sum of its branches, and nothing unused."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS


def build(**options):
    options = dict(in_channels=8, in_index=0, num_classes=5) | options
    return MODELS.build(dict(type='ClassifierModule', **options))


@pytest.mark.parametrize('dilations', [(6, 12, 18, 24), (2, 4, 8, 12), (1,)])
def test_equals_the_sum_of_plain_convolutions(dilations):
    head, x = build(dilations=dilations), torch.randn(2, 8, 13, 9)
    expected = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=rate, dilation=rate)
        for conv, rate in zip(head.conv2d_list, dilations, strict=True)
    )
    torch.testing.assert_close(head([x]), expected)


def test_legacy_switch_sums_the_first_branches_and_freezes_the_others():
    head, x = build(num_summed=2), torch.randn(1, 8, 9, 9)
    expected = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=rate, dilation=rate)
        for conv, rate in zip(head.conv2d_list[:2], (6, 12), strict=True)
    )
    torch.testing.assert_close(head([x]), expected)
    trained = {name for name, p in head.named_parameters() if p.requires_grad}
    assert trained == {
        f'conv2d_list.{i}.{n}' for i in (0, 1) for n in ('weight', 'bias')
    }


def test_every_parameter_is_used_and_named_as_published():
    head = build()
    head([torch.randn(1, 8, 9, 9)]).sum().backward()
    names = {f'conv2d_list.{i}.{n}' for i in range(4) for n in ('weight', 'bias')}
    assert {name for name, _ in head.named_parameters()} == names
    assert all(p.grad is not None for p in head.parameters())


def test_initialisation_is_that_of_the_caffe_release():
    head = build(in_channels=512, num_classes=19)
    head.init_weights()
    weights = torch.cat([conv.weight.flatten() for conv in head.conv2d_list])
    assert weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert weights.mean().item() == pytest.approx(0, abs=1e-4)
    assert all(conv.bias.eq(0).all() for conv in head.conv2d_list)


@pytest.mark.parametrize(
    'options',
    [
        dict(num_classes=None),
        dict(num_classes=0),
        dict(dilations=()),
        dict(dilations=(0, 6)),
        dict(num_summed=5),
        dict(num_summed=0),
    ],
)
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(**options)
