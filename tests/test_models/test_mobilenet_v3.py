"""MobileNetV3 against torchvision's network and MMSeg's."""

import pytest
import torch
from mmseg.registry import MODELS
from small_segmentor import like_trained
from torch import nn
from torchvision.models import mobilenetv3

pytestmark = pytest.mark.usefixtures('device')

SIZES = [(65, 97), (64, 96), (33, 50)]


def build(arch='large', **options):
    return MODELS.build(dict(type='DeepLabMobileNetV3', arch=arch, **options))


def assert_near(actual: torch.Tensor, expected: torch.Tensor) -> None:
    assert actual.shape == expected.shape
    error = (actual - expected).abs().max() / expected.abs().max()
    assert error < 2e-5 and expected.abs().max() > 1e-3


@pytest.mark.parametrize('arch', ['large', 'small'])
@pytest.mark.parametrize('output_stride', [16, 32])
def test_features_are_those_of_torchvisions_file(arch, output_stride, tmp_path):
    settings = mobilenetv3._mobilenet_v3_conf(
        f'mobilenet_v3_{arch}', dilated=output_stride == 16
    )
    source = like_trained(mobilenetv3.MobileNetV3(*settings))
    torch.save(source.state_dict(), tmp_path / 'v3.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'v3.pth'))
    model = build(arch, output_stride=output_stride, init_cfg=init_cfg).eval()
    model.init_weights()
    for size in SIZES:
        x = torch.randn(1, 3, *size)
        with torch.no_grad():
            assert_near(model(x)[-1], source.features(x))


def test_output_stride_8_is_the_stock_network():
    """At sizes 32 n + 1, where TensorFlow's padding is the same on both sides."""
    norm = dict(type='BN', eps=1e-3)
    stock = dict(type='MobileNetV3', arch='large', norm_cfg=norm, out_indices=(3, 16))
    stock = like_trained(MODELS.build(stock))
    model = build(output_stride=8, out_indices=(3, 16)).eval()
    model.load_state_dict(stock.state_dict(), strict=True)
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        for actual, expected in zip(model(x), stock(x), strict=True):
            assert_near(actual, expected)


def test_norm_layers_and_widths_are_the_published_ones():
    model = build().eval()
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    with torch.no_grad():
        widths = [out.shape[1] for out in model(torch.zeros(1, 3, 33, 33))]
    assert widths == [24, 40, 112, 960]
