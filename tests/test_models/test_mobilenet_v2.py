"""DeepLabMobileNetV2: TF's dilation rule, VainF's padding, widths."""

import pytest
import torch
from mmseg.registry import MODELS
from small_segmentor import like_trained
from torch import nn
from torch.nn import functional as F

pytestmark = pytest.mark.usefixtures('device')

VAINF = 'VainFMobileNetV2'


def build(**options) -> nn.Module:
    options = dict(type='DeepLabMobileNetV2', widen_factor=0.25) | options
    return MODELS.build(options)


def randomise(model: nn.Module) -> nn.Module:
    """Give every layer weights that a mistake cannot hide behind."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode='fan_in')
    return like_trained(model)


def rates(model: nn.Module) -> dict[int, list[int]]:
    layers = {i: getattr(model, f'layer{i}') for i in range(1, 8)}
    return {i: [b.conv[-2].conv.dilation[0] for b in layers[i]] for i in layers}


@pytest.mark.parametrize('kind', ['DeepLabMobileNetV2', VAINF])
@pytest.mark.parametrize(
    'output_stride, dilated',
    [
        (8, {4: [1, 2, 2, 2], 5: [2, 2, 2], 6: [2, 4, 4], 7: [4]}),
        (16, {6: [1, 2, 2], 7: [2]}),
        (32, {}),
    ],
)
def test_every_block_has_the_rate_reached_before_it(output_stride, dilated, kind):
    blocks = dict(zip(range(1, 8), (1, 2, 3, 4, 3, 3, 1), strict=True))
    expected = {i: [1] * n for i, n in blocks.items()} | dilated
    assert rates(build(output_stride=output_stride, type=kind)) == expected


@pytest.mark.parametrize(
    'options, widths',
    [
        (dict(widen_factor=1), [32, 16, 24, 32, 64, 96, 160, 320]),
        (dict(widen_factor=0.5), [16, 8, 12, 16, 32, 48, 80, 160]),
        (dict(widen_factor=0.5, divisor=8), [16, 8, 16, 16, 32, 48, 80, 160]),
        (dict(widen_factor=0.75), [24, 12, 18, 24, 48, 72, 120, 240]),
    ],
)
def test_widths(options, widths):
    with torch.device('meta'):
        model = build(**options)
    last = [getattr(model, f'layer{i}')[-1].conv[-1].conv for i in range(1, 8)]
    assert [model.conv1.conv.out_channels] + [c.out_channels for c in last] == widths


def test_width_inside_a_block_is_a_multiple_of_8():
    """``expand_input_by_factor`` of TF rounds 6 x 18 = 108 to 112."""
    model = build(widen_factor=0.75)
    assert model.layer2[1].conv[0].conv.out_channels == 112
    assert model.layer1[0].conv[0].conv.out_channels == 24


@pytest.mark.parametrize('widen_factor', [1.0, 0.5])
def test_undilated_network_is_mmsegs(widen_factor):
    stock = randomise(build(type='MobileNetV2', widen_factor=widen_factor))
    model = build(widen_factor=widen_factor, output_stride=32, divisor=8).eval()
    model.load_state_dict(stock.state_dict())
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        for a, b in zip(model(x), stock(x), strict=True):
            assert torch.equal(a, b)


def vainf_block(block: nn.Module, x: torch.Tensor, rate: int) -> torch.Tensor:
    """VainF's inverted residual in plain functions."""
    *expand, depthwise, project = block.conv
    y = F.pad(x, (rate,) * 4)
    for module in expand:
        y = F.relu6(module.bn(F.conv2d(y, module.conv.weight)))
    weight = depthwise.conv.weight
    y = F.conv2d(y, weight, stride=block.stride, dilation=rate, groups=weight.shape[0])
    y = F.relu6(depthwise.bn(y))
    y = project.bn(F.conv2d(y, project.conv.weight))
    return x + y if x.shape == y.shape else y


@pytest.mark.parametrize('stage, index', [(1, 0), (3, 0), (3, 1), (6, 0), (6, 2)])
def test_vainf_pads_before_the_first_1x1_convolution(stage, index):
    block = getattr(randomise(build(type=VAINF)), f'layer{stage}')[index]
    rate = 2 if (stage, index) == (6, 2) else 1
    channels = block.conv[0].conv.in_channels
    x = torch.randn(1, channels, 9, 12)
    with torch.no_grad():
        torch.testing.assert_close(block(x), vainf_block(block, x, rate))


def test_stem_of_vainf_has_no_padding():
    outputs = build(type=VAINF)(torch.zeros(1, 3, 65, 97))
    assert tuple(outputs[0].shape[2:]) == (16, 24)  # 65 -> 32 -> 16, 97 -> 48 -> 24
