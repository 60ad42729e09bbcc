"""Key maps: prefixes, missing counters, left-over keys."""

import pytest
import torch
from golden import reference_state
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import convert, model_config
from mmseg_deeplab.checkpoints.families.resnet_keys import fold_stem_bias

ISHT7, KAZUTO = 'isht7_deeplabv2_resnet101_ms', 'kazuto_deeplabv2_resnet101_msc'


def small_state(layer: str = 'layer6', prefix: str = '') -> dict[str, torch.Tensor]:
    """The state dict of a narrow R26 with a classifier, by the lineage's names."""
    net = MODELS.build(dict(type='ResNetMulti', depth=26, base_channels=4))
    head = MODELS.build(
        dict(type='ClassifierModule', in_channels=128, in_index=3, num_classes=3)
    )
    state = net.state_dict() | {f'{layer}.{k}': v for k, v in head.state_dict().items()}
    return {prefix + key: value for key, value in state.items()}


@pytest.mark.parametrize('prefix', ['', 'Scale.', 'module.', 'module.Scale.', 'any.'])
def test_leading_components_are_dropped_whatever_they_are(prefix):
    state = small_state(prefix=prefix)
    assert (
        convert(state, 'resnet_multi').keys()
        == convert(small_state(), 'resnet_multi').keys()
    )


@pytest.mark.parametrize('layer', ['layer5', 'layer6'])
def test_one_level_classifier_becomes_the_decode_head(layer):
    state = small_state(layer)
    model = MODELS.build(model_config(state, 'resnet_multi', output_stride=8))
    model.load_state_dict(convert(state, 'resnet_multi'), strict=True)
    torch.testing.assert_close(
        model.decode_head.conv2d_list[2].bias, state[f'{layer}.conv2d_list.2.bias']
    )


def test_two_levels_give_an_auxiliary_head_on_the_third_stage():
    state = small_state('layer6')
    for i in range(4):
        state[f'layer5.conv2d_list.{i}.weight'] = torch.randn(3, 64, 3, 3)
        state[f'layer5.conv2d_list.{i}.bias'] = torch.randn(3)
    config = model_config(state, 'resnet_multi', output_stride=8, num_summed=2)
    assert config['auxiliary_head']['in_index'] == 2
    assert config['decode_head']['num_summed'] == 2
    MODELS.build(config).load_state_dict(convert(state, 'resnet_multi'), strict=True)


def test_files_without_batch_counters_load_strictly():
    state = {k: v for k, v in small_state().items() if 'num_batches' not in k}
    model = MODELS.build(model_config(state, 'resnet_multi', output_stride=8))
    model.load_state_dict(convert(state, 'resnet_multi'), strict=True)


@pytest.mark.parametrize(
    'name, source', [(ISHT7, 'resnet_multi'), (KAZUTO, 'kazuto1011')]
)
def test_no_tensor_is_lost_or_doubled(name, source):
    state = reference_state(name)
    converted = convert(state, source)
    assert len(converted) == len(state)
    assert {v.data_ptr() for v in converted.values()} == {
        v.data_ptr() for v in state.values()
    }


@pytest.mark.parametrize('source', ['resnet_multi', 'kazuto1011', 'torchvision'])
def test_left_over_keys_are_listed(source):
    state = reference_state(KAZUTO) if source == 'kazuto1011' else small_state()
    with pytest.raises(ValueError, match=r'decoder\.nobody\.weight'):
        convert(state | {'decoder.nobody.weight': torch.zeros(1)}, source)


def test_a_checkpoint_that_holds_the_state_dict_is_unwrapped():
    nested = {'iter': 7, 'state_dict': small_state()}
    assert (
        convert(nested, 'resnet_multi').keys()
        == convert(small_state(), 'resnet_multi').keys()
    )


def test_unknown_source_lists_the_known_ones():
    with pytest.raises(ValueError, match=r'kazuto1011.*received .caffe2'):
        convert({}, 'caffe2')


def test_a_backbone_alone_is_no_segmentor():
    state = {k: v for k, v in small_state().items() if 'layer6' not in k}
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


def test_arrays_are_taken_as_tensors():
    state = reference_state('isht7_deeplabv2_resnet101_ms')
    keys = [key for key in state if 'layer4.0' in key or 'layer5' in key]
    arrays = {key: state[key].numpy() for key in keys}
    converted = convert(arrays, 'resnet_multi')
    expected = convert({key: state[key] for key in keys}, 'resnet_multi')
    assert converted.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(converted[key], value)
