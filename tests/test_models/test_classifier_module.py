"""ClassifierModule: the sum of its branches, and nothing unused."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import nn

pytestmark = pytest.mark.usefixtures('device')


def build(**options):
    options = dict(in_channels=8, in_index=0, num_classes=5) | options
    return MODELS.build(dict(type='ClassifierModule', **options))


@pytest.mark.parametrize(
    'dilations, summed',
    [((6, 12, 18, 24), 4), ((6, 12, 18, 24), 2), ((2, 4, 8, 12), 4), ((1,), 1)],
)
def test_equals_the_sum_of_plain_convolutions(dilations, summed):
    head, x = build(dilations=dilations, num_summed=summed), torch.randn(2, 8, 13, 9)
    pairs = list(zip(head.conv2d_list, dilations, strict=True))[:summed]
    expected = sum(
        F.conv2d(x, conv.weight, conv.bias, padding=rate, dilation=rate)
        for conv, rate in pairs
    )
    torch.testing.assert_close(head([x]), expected)
    head([x]).sum().backward()
    assert all(p.grad is not None for p in head.parameters() if p.requires_grad)
    trained = {name for name, p in head.named_parameters() if p.requires_grad}
    assert trained == {
        f'conv2d_list.{i}.{n}' for i in range(summed) for n in ('weight', 'bias')
    }


def test_keeps_working_under_fx():
    head, x = build(), torch.randn(1, 8, 51, 51)
    traced = torch.fx.symbolic_trace(head)
    torch.testing.assert_close(traced([x]), head([x]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('training', [True, False])
def test_large_maps_take_the_common_product(monkeypatch, training):
    head, x = build(in_channels=8, num_classes=3), torch.randn(1, 8, 51, 51)
    expected = sum(conv(x) for conv in head.conv2d_list)
    monkeypatch.setattr(nn.Conv2d, 'forward', None)  # not called
    with torch.set_grad_enabled(training):
        torch.testing.assert_close(head([x]), expected, rtol=1e-4, atol=1e-5)


class Doubled(nn.Conv2d):
    def forward(self, x):
        return 2 * super().forward(x)


def replaced(convs):
    convs[0] = Doubled(8, 5, 3, padding=6, dilation=6)


def hooked(convs):
    convs[0].register_forward_hook(lambda module, inputs, out: 2 * out)


def parametrised(convs):
    nn.utils.parametrizations.weight_norm(convs[0])


def padded_otherwise(convs):
    convs[0].padding = (0, 0)
    convs[0].register_forward_pre_hook(lambda _, inputs: F.pad(inputs[0], (6,) * 4))


@pytest.mark.parametrize('change', [replaced, hooked, parametrised, padded_otherwise])
def test_changed_branches_are_called(change):
    head, x = build(), torch.randn(1, 8, 9, 9)
    change(head.conv2d_list)
    expected = sum(conv(x) for conv in head.conv2d_list)
    assert torch.equal(head([x]), expected)


@pytest.mark.parametrize('export', ['trace', 'export'])
def test_exported_graphs_hold_plain_convolutions(export):
    head, x = build().eval(), torch.randn(1, 8, 51, 51)
    if export == 'trace':
        graph = str(torch.jit.trace(head, ([x],)).inlined_graph)
    else:
        graph = str(torch.export.export(head, ([x],)).graph)
    assert 'conv' in graph
    assert 'summed_atrous' not in graph


def test_initialisation_is_that_of_the_caffe_release():
    head = build(in_channels=512, num_classes=19)
    head.init_weights()
    weights = torch.cat([conv.weight.flatten() for conv in head.conv2d_list])
    assert weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert weights.mean().item() == pytest.approx(0, abs=1e-4)
    assert all(conv.bias.eq(0).all() for conv in head.conv2d_list)


@pytest.mark.parametrize(
    'options', [dict(num_classes=None), dict(dilations=(0, 6)), dict(num_summed=5)]
)
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(**options)
