"""Output stride of a whole segmentor: the weights stay, strides and rates move."""

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_deeplab.models import set_output_stride

pytestmark = pytest.mark.usefixtures('device')

RATES = {8: (1, 12, 24, 36), 16: (1, 6, 12, 18), 32: (1, 3, 6, 9)}


HEADS = [
    dict(type='DeepLabV3Head'),
    dict(type='DeepLabV3PlusHead', c1_in_channels=16),
    dict(type='ASPPHead'),
    dict(type='DepthwiseSeparableASPPHead', c1_in_channels=16, c1_channels=4),
]


def resnet(output_stride, **head):
    backbone = dict(type='ResNetMulti', depth=26, base_channels=4, frozen_bn='none')
    backbone['output_stride'] = output_stride
    head |= dict(in_channels=128, in_index=3, channels=8, num_classes=3)
    head = dict(type='DeepLabV3Head', norm_cfg=dict(type='BN'), **head)
    return dict(type='EncoderDecoder', backbone=backbone, decode_head=head)


@pytest.mark.parametrize('head', HEADS, ids=lambda head: head['type'])
@pytest.mark.parametrize('before', RATES)
@pytest.mark.parametrize('after', RATES)
def test_rates_follow(before, after, head):
    cfg = resnet(before, dilations=RATES[before])
    cfg['decode_head'].update(head)
    cfg = set_output_stride(cfg, after)
    assert cfg['backbone']['output_stride'] == after
    assert cfg['decode_head']['dilations'] == RATES[after]


@pytest.mark.parametrize('after', [8, 32])
def test_weights_stay_and_grids_agree_where_both_have_a_value(after):
    # Dilation is the strided network on every shift of the image: the values at the
    # common positions are equal (DeepLab v2, section 3.1), image pooling aside.
    given = resnet(16, image_pooling=False)
    model = MODELS.build(given).eval()
    moved = MODELS.build(set_output_stride(given, after)).eval()
    moved.load_state_dict(model.state_dict(), strict=True)
    image = torch.randn(1, 3, 129, 97)
    with torch.no_grad():
        logits = {16: model(image, mode='tensor'), after: moved(image, mode='tensor')}
    assert logits[after].shape[2:] == (128 // after + 1, 96 // after + 1)
    coarse, fine = logits[max(logits)], logits[min(logits)]
    torch.testing.assert_close(fine[..., ::2, ::2], coarse, rtol=1e-4, atol=1e-5)
    assert given['backbone']['output_stride'] == 16  # the argument is left alone


def test_multiplier_of_the_dense_prediction_cell_follows():
    given = resnet(16) | dict(decode_head=dict(type='DensePredictionCellHead'))
    fine = set_output_stride(given, 8)
    assert fine['decode_head'] == dict(given['decode_head'], rate_multiplier=2)
    assert set_output_stride(fine, 16)['decode_head']['rate_multiplier'] == 1


def test_stock_resnet_with_multi_grid():
    cfg = resnet(16, dilations=RATES[16])
    cfg['backbone'] = dict(
        type='ResNetV1c',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        multi_grid=(2, 4, 8),  # MMSegmentation's are rates
    )
    backbone = set_output_stride(cfg, 8)['backbone']
    assert backbone['strides'] == (1, 2, 1, 1)
    assert backbone['dilations'] == (1, 1, 2, 4)
    assert backbone['multi_grid'] == (4, 8, 16)


def test_defaults_of_backbone_and_heads_count():
    cfg = Config(
        dict(
            backbone=dict(type='ResNetMulti'),  # output stride 8
            decode_head=dict(type='ClassifierModule', in_channels=8, num_classes=2),
            auxiliary_head=[dict(type='FCNHead', in_channels=8, num_classes=2)],
        )
    )
    moved = set_output_stride(cfg._cfg_dict, 16)
    assert moved['decode_head']['dilations'] == (3, 6, 9, 12)
    assert 'dilations' not in moved['auxiliary_head'][0]


@pytest.mark.parametrize(
    'change, stride, message',
    [
        ({}, 4, 'must be 8, 16 or 32, received 4'),
        (dict(decode_head=dict(type='DeepLabV3Head', dilations=(1, 7))), 32, 'rate 7'),
        (dict(decode_head=dict(type='ASPPHead', dilations=(1, 2))), 32, '1x1'),
        (dict(decode_head=dict(type='DensePredictionCellHead')), 32, 'no whole value'),
        (dict(backbone=dict(type='MixVisionTransformer')), 8, 'no output stride'),
        (dict(backbone=dict(type='ResNet', strides=(2, 2, 2, 2))), 8, 'strides'),
    ],
)
def test_what_cannot_be_is_said(change, stride, message):
    with pytest.raises(ValueError, match=message):
        set_output_stride(resnet(16) | change, stride)
