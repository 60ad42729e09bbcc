"""DeepLabV3Head and DeepLabV3PlusHead against plain functions and MMSeg's head."""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from small_segmentor import like_trained
from torch import nn

pytestmark = pytest.mark.usefixtures('device')

V3, PLUS = 'DeepLabV3Head', 'DeepLabV3PlusHead'
NORM = dict(norm_cfg=dict(type='BN'), in_index=-1)
SMALL = dict(NORM, in_channels=24, num_classes=5, channels=16)


def build(kind=V3, **options):
    options = SMALL | options
    if kind == PLUS:
        options = dict(c1_in_channels=12, c1_channels=6) | options
    torch.manual_seed(0)
    return like_trained(MODELS.build(dict(type=kind, **options))).train()


class Plain:
    """The paper's head in plain functions, on the tensors of a state dict."""

    def __init__(self, head):
        self.state, self.head = head.state_dict(), head

    def unit(self, name, x, rate=1, groups=1):
        """Convolve, normalise, rectify; separable when the names say so."""
        if f'{name}.depthwise_conv.conv.weight' in self.state:
            x = self.unit(f'{name}.depthwise_conv', x, rate, groups=x.shape[1])
            return self.unit(f'{name}.pointwise_conv', x)
        names = ('running_mean', 'running_var', 'weight', 'bias')
        norm = [self.state[f'{name}.bn.{key}'] for key in names]
        weight = self.state[f'{name}.conv.weight']
        padding = rate * (weight.shape[-1] // 2)
        x = F.conv2d(x, weight, None, 1, padding, rate, groups)
        return F.relu(F.batch_norm(x, *norm))

    def pyramid(self, x):
        outs = []
        if 'image_pool.1.conv.weight' in self.state:
            pooled = self.unit('image_pool.1', x.mean((2, 3), keepdim=True))
            outs.append(pooled.expand(-1, -1, *x.shape[2:]))
        for i, rate in enumerate(self.head.dilations):
            outs.append(self.unit(f'aspp_modules.{i}', x, rate))
        return self.unit('bottleneck', torch.cat(outs, 1))

    def logits(self, inputs):
        x = self.pyramid(inputs[-1])
        if 'c1_bottleneck.conv.weight' in self.state:
            low = self.unit('c1_bottleneck', inputs[0])
            corners = self.head.align_corners
            x = F.interpolate(x, low.shape[2:], mode='bilinear', align_corners=corners)
            x = torch.cat([x, low], 1)
        for i in range(len(self.head.convs)):
            x = self.unit(f'convs.{i}', x)
        return F.conv2d(x, self.state['conv_seg.weight'], self.state['conv_seg.bias'])


def features(batch=2):
    return [torch.randn(batch, 12, 21, 13), torch.randn(batch, 24, 11, 7)]


@pytest.mark.parametrize(
    'kind, options',
    [
        (V3, {}),
        (V3, dict(dilations=(1,))),
        (V3, dict(image_pooling=False, dilations=(1, 2, 3))),
        (V3, dict(separable=True, num_convs=1)),
        (PLUS, {}),
        (PLUS, dict(separable=False, align_corners=True)),
        (PLUS, dict(separable=False, separable_aspp=True, num_convs=1)),
    ],
)
def test_equals_plain_functions(kind, options):
    head, inputs = build(kind, **options).eval(), features()
    torch.testing.assert_close(head(inputs), Plain(head).logits(inputs))


@pytest.mark.parametrize('kind', [V3, PLUS])
def test_trains_with_one_image(kind):
    head, inputs = build(kind), features(batch=1)
    before = head.image_pool[1].bn.running_mean.clone()
    head(inputs).sum().backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())
    assert torch.equal(head.image_pool[1].bn.running_mean, before)  # left alone
    assert head.image_pool[1].bn.training


def test_stock_head_refuses_one_image_and_ours_equals_it_with_two():
    ours = build(num_convs=0)
    stock = MODELS.build(dict(SMALL, type='ASPPHead', dilations=(1, 6, 12, 18)))
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        stock(features(batch=1))
    state = ours.state_dict()
    kernel = state['bottleneck.conv.weight']
    state['bottleneck.conv.weight'] = F.pad(kernel, (1, 1, 1, 1))  # 1x1 inside 3x3
    stock.load_state_dict(state, strict=True)
    inputs = features(batch=2)
    for head in (stock, ours):
        nn.Module.train(head)
        head.dropout.p = 0.0
    torch.testing.assert_close(ours(inputs), stock(inputs))


@pytest.mark.parametrize('kind', [V3, PLUS])
@pytest.mark.parametrize('frozen_bn', ['none', 'affine', 'all'])
def test_frozen_statistics_and_affine(kind, frozen_bn):
    head = build(kind, frozen_bn=frozen_bn).train()
    before = {k: v.clone() for k, v in head.state_dict().items() if 'running' in k}
    head(features()).sum().backward()
    moved = [k for k, v in before.items() if not torch.equal(head.state_dict()[k], v)]
    assert bool(moved) == (frozen_bn != 'all')
    for module in head.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight.grad is None) == (frozen_bn != 'none')


def test_sizes_are_the_paper_s():
    sizes = dict(in_channels=2048, num_classes=21, c1_in_channels=256)
    head = MODELS.build(dict(NORM, type=PLUS, separable=False, **sizes))
    assert head.bottleneck.conv.weight.shape == (256, 5 * 256, 1, 1)
    assert head.c1_bottleneck.conv.weight.shape == (48, 256, 1, 1)
    shapes = [conv.conv.weight.shape for conv in head.convs]
    assert shapes == [(256, 304, 3, 3), (256, 256, 3, 3)]
    assert head.dilations == (1, 6, 12, 18)


@pytest.mark.parametrize(
    'options', [dict(num_classes=None), dict(dilations=(1, 0)), dict(frozen_bn='some')]
)
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(**options)
