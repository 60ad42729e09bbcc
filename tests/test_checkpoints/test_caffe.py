"""Caffe's networks, converted: same logits as the references."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import (
    converted_model,
    reference_input,
    reference_output,
    reference_state,
)
from mmengine import Config
from mmseg.registry import MODELS
from small_segmentor import lineage_state
from torch.nn import functional as F

from mmseg_deeplab.checkpoints import convert, convert_file, load

ISHT7 = 'isht7_deeplabv2_resnet101_ms'
# Written by the protobuf library with Caffe's caffe.proto.
FILES = Path(__file__).parents[1] / 'data' / 'caffe'


def caffe_resnet_name(key: str) -> str:
    """Return the Caffe layer of a convolution or BatchNorm of ResNetMulti."""
    if key in ('conv1', 'bn1'):
        return 'conv1' if key == 'conv1' else 'bn_conv1'
    if key.startswith('layer5'):
        return f'fc1_voc12_c{key[-1]}'
    stage, block, unit = re.fullmatch(r'layer(\d)\.(\d+)\.(.+)', key).groups()
    letters = 'abc' if stage in '14' else ['a', *(f'b{i}' for i in range(1, 23))]
    branch = '1' if 'downsample' in unit else '2' + 'abc'[int(unit[-1]) - 1]
    kind = 'res' if unit.startswith('conv') or unit == 'downsample.0' else 'bn'
    return f'{kind}{int(stage) + 1}{letters[int(block)]}_branch{branch}'


def caffe_resnet_layers(state: dict) -> dict[str, list[np.ndarray]]:
    """Return a ResNetMulti's weights as Caffe's layers, statistics times a factor."""
    layers: dict[str, list[np.ndarray]] = {}
    state = {k.removeprefix('Scale.'): v.numpy() for k, v in state.items()}
    rng = np.random.default_rng(0)
    for key in [key for key in state if key.endswith('.weight')]:
        name = key.removesuffix('.weight')
        layer = caffe_resnet_name(name)
        if f'{name}.running_mean' not in state:
            both = (f'{name}.weight', f'{name}.bias')
            layers[layer] = [state[k] for k in both if k in state]
            continue
        factor = np.float32(rng.uniform(1, 1000))
        statistics = [state[f'{name}.running_{k}'] * factor for k in ('mean', 'var')]
        layers[layer] = [*statistics, np.array([factor])]
        layers['scale' + layer.removeprefix('bn')] = [state[key], state[f'{name}.bias']]
    return layers


def as_state(layers: dict[str, list[np.ndarray]]) -> dict[str, torch.Tensor]:
    return {
        f'{name}.{i}': torch.from_numpy(np.asarray(blob, 'f4'))
        for name, blobs in layers.items()
        for i, blob in enumerate(blobs)
    }


@pytest.mark.slow
def test_released_r101_gives_the_references_logits():
    """From Caffe's layers to the logits that isht7's network stored."""
    layers = caffe_resnet_layers(reference_state(ISHT7))
    assert {'res4b22_branch2c', 'bn_conv1', 'scale3b3_branch2a'} <= layers.keys()
    model = converted_model(as_state(layers), 'caffe', 8)
    with torch.no_grad():
        logits = model(reference_input('odd'), mode='tensor').numpy()
    stored = reference_output(ISHT7, 'logits_odd')
    assert np.abs(logits - stored).max() <= 1e-4 * np.abs(stored).max()


def small_resnet() -> dict[str, torch.Tensor]:
    """The blobs of a narrow R26, with biases as MSRA's stem has one."""
    return as_state(caffe_resnet_layers(lineage_state('layer5')))


def test_copies_for_other_scales_are_dropped():
    state = small_resnet()
    copies = {f'{k[:-2]}_res075{k[-2:]}': v for k, v in state.items()}
    converted = convert(state | copies, 'caffe')
    assert converted.keys() == convert(state, 'caffe').keys()


def test_a_scale_factor_of_zero_means_statistics_of_zero():
    state = small_resnet()
    state['bn2a_branch2b.2'] = torch.zeros(1)
    converted = convert(state, 'caffe')
    assert not converted['backbone.layer1.0.bn2.running_mean'].any()
    assert not converted['backbone.layer1.0.bn2.running_var'].any()


@pytest.mark.parametrize('data_set', ['coco', 'cocostuff_10k', 'cityscapes'])
def test_heads_of_other_data_sets_are_known(data_set):
    state = {k.replace('voc12', data_set): v for k, v in small_resnet().items()}
    assert converted_model(state, 'caffe', 16).decode_head.num_classes == 3
    # Initial weights, with the classifier of another task, are a backbone.
    state = {k: v for k, v in state.items() if not k.startswith('fc1_')}
    state[f'fc1_{data_set.replace("_", "")}.0'] = state['fc1000.0'] = torch.zeros(9, 1)
    assert all(key.startswith('backbone.') for key in convert(state, 'caffe'))


@pytest.mark.parametrize(
    'extra, message',
    [
        ('decoder.0', r'not known.*decoder'),
        ('fc1_coco_c0.0', r'second layer for .*conv2d_list\.0'),
        ('conv1.weight', 'not a blob'),
    ],
)
def test_left_over_layers_are_listed(extra, message):
    with pytest.raises(ValueError, match=message):
        convert(small_resnet() | {extra: torch.zeros(1)}, 'caffe')


VGG_STAGES = [(2, 1), (2, 2), (3, 4), (3, 8), (3, 8)]  # convolutions, width


def vgg_layers(branches: list[str], width: int = 4) -> dict[str, list[np.ndarray]]:
    """Return the layers of VGG16 with fc6 to fc8 per branch, by Caffe's names."""
    rng = np.random.default_rng(0)

    def layer(outputs: int, inputs: int, kernel: int) -> list[np.ndarray]:
        shape = (outputs, inputs, kernel, kernel)
        weight = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        return [weight.astype('f4'), rng.normal(size=outputs).astype('f4') * 0.1]

    layers, inputs = {}, 3
    for stage, (count, outputs) in enumerate(VGG_STAGES, 1):
        for i in range(1, count + 1):
            layers[f'conv{stage}_{i}'] = layer(outputs * width, inputs, 3)
            inputs = outputs * width
    for branch in branches:
        layers[f'fc6{branch}'] = layer(16, 8 * width, 3)
        layers[f'fc7{branch}'] = layer(16, 16, 1)
        layers[f'fc8_voc12{branch}'] = layer(5, 16, 1)
    return layers


def vgg_forward(layers: dict, x: torch.Tensor, rates: dict[str, int]) -> torch.Tensor:
    """Return the logits by the layers of the released prototxt files."""

    def conv(name: str, x: torch.Tensor, dilation: int = 1) -> torch.Tensor:
        weight, bias = map(torch.from_numpy, layers[name])
        pad = dilation * (weight.shape[2] // 2)
        return F.conv2d(x, weight, bias, padding=pad, dilation=dilation)

    for stage, (count, _) in enumerate(VGG_STAGES, 1):
        for i in range(1, count + 1):
            x = F.relu(conv(f'conv{stage}_{i}', x, dilation=2 if stage == 5 else 1))
        stride = 2 if stage < 4 else 1
        x = F.max_pool2d(x, 3, stride, padding=1, ceil_mode=True)
    if len(rates) == 1:  # pool5a of LargeFOV
        x = F.avg_pool2d(x, 3, stride=1, padding=1)
    logits = 0
    for branch, rate in rates.items():
        y = F.relu(conv(f'fc7{branch}', F.relu(conv(f'fc6{branch}', x, rate))))
        logits = logits + conv(f'fc8_voc12{branch}', y)
    return logits


@pytest.mark.parametrize('size', [(65, 97), (64, 90)])
@pytest.mark.parametrize('rates', [{'': 12}, {'_1': 6, '_2': 12, '_3': 18, '_4': 24}])
def test_vgg16_gives_the_prototxts_logits(rates, size):
    layers = vgg_layers(list(rates))
    model = converted_model(as_state(layers), 'caffe', 8)
    x = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(x, mode='tensor')
        expected = vgg_forward(layers, x, rates)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


def test_v1_files_with_old_shapes_load(tmp_path):
    file = FILES / 'vgg16_v1_old_shape.caffemodel'
    convert_file('caffe', file, tmp_path / 'ours.pth')
    state = load(tmp_path / 'ours.pth')['state_dict']
    MODELS.build(Config.fromfile(tmp_path / 'ours.py').model).load_state_dict(state)
    np.testing.assert_array_equal(
        state['decode_head.branches.0.fc6.bias'].numpy(),
        vgg_layers([''], width=1)['fc6'][1],
    )


def test_the_tool_fills_branches_from_initial_weights(tmp_path, root, monkeypatch):
    """A file with fc6 and fc7 but no fc8, like the release's vgg16_20M.caffemodel."""
    file = FILES / 'vgg16_v1_init.caffemodel'
    command = ['convert_weights.py', 'caffe', file, tmp_path / 'init.pth']
    monkeypatch.setattr('sys.argv', [*map(str, command), '--fc-branches', '4'])
    runpy.run_path(str(root / 'tools' / 'convert_weights.py'), run_name='__main__')
    state = load(tmp_path / 'init.pth')['state_dict']
    assert len([k for k in state if k.endswith('fc6.weight')]) == 4
    assert not (tmp_path / 'init.py').exists()


def imagenet_vgg() -> dict[str, torch.Tensor]:
    """ImageNet's fc6 and fc7 with element (i, j) = i + j, in a few kB of memory."""
    state = as_state(vgg_layers([]))
    line = torch.arange(40_000.0)
    state |= {'fc6.0': line.as_strided((4096, 25088), (1, 1)), 'fc6.1': line[:4096]}
    state |= {'fc7.0': line.as_strided((4096, 4096), (1, 1)), 'fc7.1': line[:4096]}
    return state | {'fc8.0': torch.zeros(1000, 4096), 'fc8.1': torch.zeros(1000)}


def test_imagenets_fully_connected_layers_are_decimated_when_asked_for():
    assert all(key.startswith('backbone.') for key in convert(imagenet_vgg(), 'caffe'))
    state = convert(imagenet_vgg(), 'caffe', fc_branches=4)
    out, channel, row, column = torch.meshgrid(
        *(torch.arange(n) for n in (1024, 512, 3, 3)), indexing='ij'
    )
    expected = 4 * out + 49 * channel + 7 * 3 * row + 3 * column
    for branch in range(4):
        head = f'decode_head.branches.{branch}'
        assert torch.equal(state[f'{head}.fc6.weight'], expected.float())
        assert state[f'{head}.fc7.weight'].shape == (1024, 1024, 1, 1)
        assert state[f'{head}.fc7.weight'][3, 5] == 4 * 3 + 4 * 5
        assert torch.equal(state[f'{head}.fc6.bias'], torch.arange(0.0, 4096, 4))


def test_fc6_must_be_single_for_fc_branches_and_3x3():
    for state in (small_resnet(), as_state(vgg_layers(['_1']))):
        with pytest.raises(ValueError, match='fc_branches=4'):
            convert(state, 'caffe', fc_branches=4)
    state |= {'fc6.0': torch.zeros(16, 32, 4, 4)}
    with pytest.raises(ValueError, match=r'fc6 has shape \(16, 32, 4, 4\)'):
        convert(state, 'caffe')
