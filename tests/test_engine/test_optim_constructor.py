"""DeepLabOptimWrapperConstructor: the groups, whatever the head."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from small_segmentor import auxiliary_head, small_segmentor
from torch import nn

from mmseg_deeplab.engine.optim_constructor import trainable_parameters

HEADS = ('ClassifierModule', 'ASPPHead', 'DepthwiseSeparableASPPHead')


def segmentor(head: str = 'ClassifierModule', frozen_bn: str = 'all') -> nn.Module:
    bn = {} if head == 'ClassifierModule' else dict(norm_cfg=dict(type='BN'))
    options = dict(num_classes=3, frozen_bn=frozen_bn, head_options=bn)
    return small_segmentor('EncoderDecoder', head, **options).train()


def groups(model: nn.Module, **paramwise) -> dict[str, dict]:
    cfg = dict(
        constructor='DeepLabOptimWrapperConstructor',
        optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
        paramwise_cfg=paramwise or None,
    )
    wrapper = build_optim_wrapper(model, cfg)
    return {group['name']: group for group in wrapper.optimizer.param_groups}


def test_rates_and_decays_are_those_of_the_caffe_release():
    found = {
        name: (group['lr'], group['weight_decay'])
        for name, group in groups(segmentor()).items()
    }
    assert found == {
        'backbone': (2.5e-4, 5e-4),
        'head': (pytest.approx(2.5e-3), 5e-4),
        'head_bias': (pytest.approx(5e-3), 0.0),
    }


@pytest.mark.parametrize('head', HEADS)
@pytest.mark.parametrize('frozen_bn', ['none', 'affine', 'all'])
def test_every_trainable_parameter_is_there_once(head, frozen_bn):
    model = segmentor(head, frozen_bn)
    listed = [p for group in groups(model).values() for p in group['params']]
    expected = {p for p in model.parameters() if p.requires_grad}
    assert len(listed) == len(expected)
    assert set(listed) == expected


def test_head_is_found_by_module_and_not_by_name():
    model = segmentor('ASPPHead')
    # A name that a substring rule would take for a head.
    model.backbone.layer1[0].decode_head_like = nn.Linear(2, 2)
    kinds = {id(p): kind for kind, p in trainable_parameters(model)}
    extra = model.backbone.layer1[0].decode_head_like
    assert kinds[id(extra.weight)] == 'backbone'
    assert kinds[id(extra.bias)] == 'backbone_bias'
    assert kinds[id(model.decode_head.conv_seg.bias)] == 'head_bias'
    assert kinds[id(model.decode_head.bottleneck.bn.bias)] == 'head'


def test_auxiliary_heads_count_as_heads():
    model = segmentor()
    model.auxiliary_head = nn.ModuleList([MODELS.build(auxiliary_head(3))])
    kinds = {kind for kind, p in trainable_parameters(model.auxiliary_head[0])}
    assert kinds == {'backbone', 'backbone_bias'}  # alone it is no head
    in_model = {id(p): kind for kind, p in trainable_parameters(model)}
    found = {in_model[id(p)] for p in model.auxiliary_head.parameters()}
    assert found == {'head', 'head_bias'}


def test_only_the_named_classifier_has_the_rates_of_a_head():
    model = segmentor('ASPPHead')
    kinds = {id(p): k for k, p in trainable_parameters(model, ('conv_seg',))}
    assert kinds[id(model.decode_head.conv_seg.weight)] == 'head'
    assert kinds[id(model.decode_head.conv_seg.bias)] == 'head_bias'
    assert kinds[id(model.decode_head.bottleneck.conv.weight)] == 'backbone'
    in_heads = [kind for kind in kinds.values() if kind.startswith('head')]
    assert sorted(in_heads) == ['head', 'head_bias']
    assert set(groups(model, classifier='conv_seg')) == set(kinds.values())


def test_shared_parameters_come_once():
    model = segmentor()
    model.decode_head.twin = model.decode_head.conv2d_list[0]
    assert len(groups(model)['head']['params']) == 4


@pytest.mark.parametrize(
    'paramwise, match',
    [
        (dict(custom_keys={}), 'custom_keys'),
        (dict(head_lr_mult=-1.0), 'negative'),
        (dict(classifier=('conv',)), r"\('conv',\): no module"),
    ],
)
def test_bad_multipliers_are_named(paramwise, match):
    with pytest.raises(ValueError, match=match):
        groups(segmentor(), **paramwise)


def test_a_model_without_head_is_named():
    with pytest.raises(ValueError, match='Linear has no decode_head'):
        groups(nn.Linear(2, 2))


def test_ten_images_accumulated_are_a_batch_of_ten(load_config):
    options = load_config('_base_/schedules/deeplabv2_20k.py').optim_wrapper
    assert options.accumulative_counts == 10  # Caffe's iter_size
    model = segmentor()
    twin = copy.deepcopy(model)
    images, weights = torch.randn(10, 3, 17, 17), torch.randn(1, 3, 3, 3)
    one = build_optim_wrapper(model, options)
    for image in images:
        one.update_params((model(image[None], mode='tensor') * weights).mean())
    batch = build_optim_wrapper(twin, {**options, 'accumulative_counts': 1})
    batch.update_params((twin(images, mode='tensor') * weights).mean())
    for found, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
