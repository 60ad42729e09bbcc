"""Strips of rows give the whole's result to the bit."""

import copy

import pytest
import torch
from largest_tensor import LargestTensor
from mmseg.models.utils import InvertedResidual
from torch import nn

from mmseg_deeplab.models import row_strips
from mmseg_deeplab.models.backbones.mobilenet_v2 import PaddedBlock
from mmseg_deeplab.models.row_strips import forward_by_rows, predict_by_rows


def block(kind=InvertedResidual, **options):
    torch.manual_seed(0)
    given = dict(in_channels=6, out_channels=6, stride=1, expand_ratio=4)
    return kind(**given | options, norm_cfg=dict(type='BN')).eval()


@pytest.fixture
def small_strips(monkeypatch):
    monkeypatch.setattr(row_strips, 'LARGE', 0)
    monkeypatch.setattr(row_strips, 'STRIP', 1)


@pytest.mark.parametrize('size', [(1, 9), (7, 8), (31, 17), (32, 33)])
@pytest.mark.parametrize('rows', [1, 2, 5, 40])
@pytest.mark.parametrize('stride, dilation', [(1, 1), (1, 4), (2, 1), (2, 2)])
def test_a_strided_convolution_by_rows(size, rows, stride, dilation):
    torch.manual_seed(0)
    layer = nn.Conv2d(
        3, 4, 3, stride=stride, padding=dilation, dilation=dilation
    ).double()
    x = torch.randn(2, 3, *size, dtype=torch.double)
    found = forward_by_rows(layer, x, rows=rows, stride=stride, reach=dilation)
    torch.testing.assert_close(found, layer(x), rtol=0, atol=1e-13)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize('kind', [InvertedResidual, PaddedBlock])
@pytest.mark.parametrize('stride, dilation', [(1, 1), (1, 4), (2, 1), (2, 2)])
@torch.no_grad()
def test_blocks(small_strips, kind, stride, dilation, layout):
    plain = block(kind, stride=stride, dilation=dilation).to(memory_format=layout)
    x = torch.randn(2, 6, 37, 22).contiguous(memory_format=layout)
    expected = plain(x)
    found = predict_by_rows(plain)(x)
    assert found.is_contiguous(memory_format=layout)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_gradients_take_the_plain_way(small_strips):
    network = predict_by_rows(block())
    x = torch.randn(1, 6, 16, 16, requires_grad=True)
    network(x).sum().backward()
    assert x.grad is not None


def test_a_copy_has_its_own_weights(small_strips):
    network = predict_by_rows(block())
    other = copy.deepcopy(network)
    with torch.no_grad():
        for weight in other.parameters():
            weight.zero_()
        x = torch.randn(1, 6, 16, 16)
        torch.testing.assert_close(other(x), x)
        assert (network(x) - x).abs().max() > 0.01


@torch.no_grad()
def test_a_traced_network_is_whole(small_strips):
    network = predict_by_rows(block())
    traced = torch.jit.trace(network, torch.randn(1, 6, 16, 16))
    x = torch.randn(1, 6, 23, 31)
    torch.testing.assert_close(traced(x), network(x), rtol=1e-6, atol=1e-6)


@torch.no_grad()
def test_inner_maps_stay_small(monkeypatch):
    monkeypatch.setattr(row_strips, 'LARGE', 2**16)
    monkeypatch.setattr(row_strips, 'STRIP', 2**14)
    network = block(out_channels=8)
    x = torch.randn(1, 6, 128, 64)
    with LargestTensor() as whole:
        network(x)
    predict_by_rows(network)
    with LargestTensor() as strips:
        network(x)
    assert whole.elements == 24 * 128 * 64
    assert strips.elements == 8 * 128 * 64  # the result itself
