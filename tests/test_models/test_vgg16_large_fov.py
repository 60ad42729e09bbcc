"""VGG16LargeFOV: Caffe's pools and rates, freezing, initial weights."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers

pytestmark = pytest.mark.usefixtures('device')


def build(**options) -> nn.Module:
    options = dict(base_channels=4) | options
    return MODELS.build(dict(type='VGG16LargeFOV', **options))


def pooled(size: int, stride: int) -> int:
    """Caffe: 3x3, padding 1, rounded up, the last window begins inside the image."""
    out = -(-(size + 2 - 3) // stride) + 1
    return out - 1 if (out - 1) * stride >= size + 1 else out


@pytest.mark.parametrize(
    'output_stride, strides', [(8, (1, 1)), (16, (2, 1)), (32, (2, 2))]
)
@pytest.mark.parametrize('size', [(65, 97), (64, 90), (321, 50)])
def test_feature_sizes_follow_caffe_rounding(size, output_stride, strides):
    model = build(output_stride=output_stride, out_indices=(0, 1, 2, 3, 4))
    expected, current = [], size
    for stride in (2, 2, 2, *strides):
        current = tuple(pooled(n, stride) for n in current)
        expected.append(current)
    outputs = model(torch.zeros(1, 3, *size))
    assert [tuple(x.shape[2:]) for x in outputs] == expected
    assert size[0] != 321 or output_stride != 8 or expected[-1][0] == 41


@pytest.mark.parametrize('output_stride, rate', [(8, 2), (16, 1), (32, 1)])
def test_conv5_makes_up_for_pool4(output_stride, rate):
    model = build(output_stride=output_stride)
    found = {n: m.dilation[0] for n, m in model.named_modules() if n.startswith('conv')}
    assert {n for n, r in found.items() if r != 1} == (
        {'conv5_1', 'conv5_2', 'conv5_3'} if rate == 2 else set()
    )


def test_average_pool_counts_its_padding():
    """pool5a of the Caffe release: an average of 3x3 that divides by 9 at borders."""
    torch.manual_seed(0)
    model, plain = build(average_pool=True), build(average_pool=False)
    plain.load_state_dict(model.state_dict())
    x = torch.randn(1, 3, 65, 65)
    kernel = torch.full((32, 1, 3, 3), 1 / 9)
    expected = F.conv2d(plain(x)[0], kernel, padding=1, groups=32)
    torch.testing.assert_close(model(x)[0], expected)


def test_number_of_parameters_is_the_published_one():
    with torch.device('meta'):
        model = build(base_channels=64)
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert millions == pytest.approx(14.7, abs=0.02)


def test_features_equal_torchvisions_but_for_the_pools(tmp_path):
    """With Caffe's pools put into torchvision's network both agree."""
    # Torchvision's layers at a sixteenth of their width.
    source = make_layers([n if n == 'M' else n // 16 for n in cfgs['D']])
    state = {f'features.{key}': value for key, value in source.state_dict().items()}
    state['classifier.6.bias'] = torch.zeros(1000)
    torch.save(state, tmp_path / 'vgg.pth')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'vgg.pth'))
    model = build(output_stride=32, average_pool=False, init_cfg=init_cfg)
    model.init_weights()
    for i, layer in enumerate(source):
        if isinstance(layer, nn.MaxPool2d):
            source[i] = nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)
    x = torch.randn(1, 3, 33, 50)
    torch.testing.assert_close(model(x)[0], source(x))
