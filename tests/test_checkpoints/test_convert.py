"""Key maps: prefixes, missing counters, left-over keys."""

import pytest
import torch
from golden import converted_model
from small_segmentor import lineage_state

from mmseg_deeplab.checkpoints import convert, model_config
from mmseg_deeplab.checkpoints.families.resnet_keys import fold_stem_bias


@pytest.mark.parametrize('prefix', ['', 'Scale.', 'module.', 'module.Scale.', 'any.'])
def test_leading_components_are_dropped_whatever_they_are(prefix):
    state = lineage_state('layer6')
    expected = convert(state, 'resnet_multi')
    # As arrays, inside a checkpoint, without the counters of old files.
    arrays = {prefix + k: v.numpy() for k, v in state.items() if 'tracked' not in k}
    converted = convert({'iter': 7, 'state_dict': arrays}, 'resnet_multi')
    assert converted.keys() == expected.keys()
    assert all(torch.equal(converted[key], expected[key]) for key in expected)


def test_no_tensor_is_lost_or_doubled():
    state = lineage_state('layer6')
    converted = convert(state, 'resnet_multi')
    assert len(converted) == len(state)
    places = {value.data_ptr() for value in converted.values()}
    assert places == {value.data_ptr() for value in state.values()}


def test_left_over_keys_are_listed():
    state = lineage_state('layer6') | {'decoder.nobody.weight': torch.zeros(1)}
    with pytest.raises(ValueError, match=r'decoder\.nobody\.weight'):
        convert(state, 'resnet_multi')


@pytest.mark.parametrize('layer', ['layer5', 'layer6'])
def test_one_level_classifier_becomes_the_decode_head(layer):
    state = lineage_state(layer)
    model = converted_model(state, 'resnet_multi', 8)
    bias = model.decode_head.conv2d_list[2].bias
    assert torch.equal(bias, state[f'{layer}.conv2d_list.2.bias'])


def test_two_levels_give_an_auxiliary_head_on_the_third_stage():
    state = lineage_state('layer6')
    for i in range(4):
        state[f'layer5.conv2d_list.{i}.weight'] = torch.randn(3, 64, 3, 3)
        state[f'layer5.conv2d_list.{i}.bias'] = torch.randn(3)
    model = converted_model(state, 'resnet_multi', 8, num_summed=2)
    assert model.auxiliary_head.in_index == 2
    assert model.decode_head.num_summed == 2


def test_unknown_source_lists_the_known_ones():
    with pytest.raises(ValueError, match=r'kazuto1011.*received .caffe2'):
        convert({}, 'caffe2')


def test_a_backbone_alone_is_no_segmentor():
    state = {k: v for k, v in lineage_state('layer6').items() if 'layer6' not in k}
    with pytest.raises(ValueError, match='backbone alone'):
        model_config(state, 'resnet_multi', output_stride=8)


def test_bias_of_the_stem_folds_exactly_into_the_mean():
    conv, norm = torch.nn.Conv2d(3, 4, 7), torch.nn.BatchNorm2d(4).eval()
    norm.running_mean.normal_()
    x = torch.randn(1, 3, 9, 9)
    expected = norm(conv(x)).detach()
    state = {'conv1.bias': conv.bias.detach(), 'bn1.running_mean': norm.running_mean}
    norm.running_mean = fold_stem_bias(state)['bn1.running_mean']
    conv.bias = None
    torch.testing.assert_close(norm(conv(x)).detach(), expected)
