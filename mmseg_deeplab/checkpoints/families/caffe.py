"""The Caffe releases of DeepLab: v2 on ResNet (R101), v1 and v2 on VGG16.

Names are those of MSRA's ResNet (``res4b22_branch2c``, ``bn4b22_branch2c``,
``scale4b22_branch2c``), of VGG16 (``conv5_3``, ``fc6``), and of the released heads
(``fc1_voc12_c0`` to ``c3``, ``fc8_voc12``, ``fc8_voc12_1`` to ``_4``).
"""

import logging
import re
from collections.abc import Callable
from fractions import Fraction

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmseg_deeplab.checkpoints.state_dicts import StateDict, drop, some
from mmseg_deeplab.ops.geometry import scaled_rates

from . import isht7 as resnet_multi
from .resnet_keys import segmentor_config

# Layers of the training network's other scales share the weights of the first.
SCALE_COPY = re.compile(r'(.+)_res0\d+(\.\d+)$')

STEM = {'conv1': 'conv1', 'bn_conv1': 'bn1', 'scale_conv1': 'bn1'}
BRANCH = re.compile(r'(res|bn|scale)([2-5])([a-z]\d*)_branch(1|2[abc])')
UNITS = {'2a': '1', '2b': '2', '2c': '3'}
CLASSIFIER = re.compile(r'fc1_(.+)_c(\d)')
# ImageNet's, and the COCO classifier in DeepLab v2's initial file.
OTHER_CLASSIFIER = re.compile(r'fc1000|fc1_[a-z0-9]+|fc8')

VGG_CONV = re.compile(r'conv[1-5]_[1-3]')
VGG_FC = re.compile(r'fc([67])(?:_([1-4]))?|fc(8)_(.+?)(?:_([1-4]))?')
IMAGENET_FC6 = (4096, 512 * 7 * 7)
# Rates of fc6 at output stride 8: LargeFOV, ASPP-L.
LARGE_FOV_DILATIONS, PYRAMID_DILATIONS = (12,), (6, 12, 18, 24)


def convert(state: StateDict, *, fc_branches: int = 0) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``.

    Running statistics are divided by BatchNorm's scale factor (its third blob; a factor
    of 0 means statistics of 0, as in Caffe), weight and bias come from the Scale layer.

    Args:
        state: What :func:`load_caffe` returned.
        fc_branches: For initial weights on VGG16: how many branches of
            ``LargeFOVHead`` start from the file's single fc6 and fc7. Those of ImageNet
            (4096 channels, 7x7) are cut down as in DeepLab v1, section 3.1, by simple
            decimation: every fourth channel, and rows and columns 0, 3 and 6. With 0
            ImageNet's are left out, and others fill the branches that they name.

    Raises:
        ValueError: If layers with weights are left over, or ``fc_branches`` is given
            for a network without a single fc6.
    """
    state = _without_copies(state)
    layers = _layers(state)
    if any(VGG_CONV.fullmatch(name) for name in layers):
        return _convert_vgg(layers, fc_branches)
    if fc_branches:
        raise ValueError(
            f'fc_branches={fc_branches} is for VGG16; these layers are of another '
            f'network: {some(layers)}'
        )
    return _convert_resnet(layers)


def _without_copies(state: StateDict) -> StateDict:
    copies = {key: match for key in state if (match := SCALE_COPY.fullmatch(key))}
    other = [
        key
        for key, match in copies.items()
        if not _equal(state[key], state.get(match[1] + match[2]))
    ]
    if other:
        print_log(
            f'copies for other scales differ from their first: {some(other)}',
            logger='current',
            level=logging.WARNING,
        )
    return drop(state, copies, why='copies for other scales')


def _equal(copy: Tensor, first: Tensor | None) -> bool:
    return copy.numel() == 0 or (first is not None and torch.equal(copy, first))


def _layers(state: StateDict) -> dict[str, list[Tensor]]:
    """Group ``layer.i`` by layer, blobs in their order."""
    layers: dict[str, list[Tensor]] = {}
    for key, value in state.items():
        name, _, index = key.rpartition('.')
        if not name or not index.isdigit():
            raise ValueError(
                f'{key}: not a blob of load_caffe (layer.0, layer.1, ...); Caffe '
                'weights are read from the .caffemodel'
            )
        layers.setdefault(name, []).append(value)
    return layers


def _convert_resnet(layers: dict[str, list[Tensor]]) -> StateDict:
    layers = _drop_layers(layers, OTHER_CLASSIFIER, why='another classifier')
    _refuse_unknown(layers, lambda name: _resnet_name(name) is not None)
    state: StateDict = {}
    for name, blobs in layers.items():
        _add(state, _resnet_tensors(name, _resnet_name(name), blobs), name)
    return resnet_multi.convert(state)


def _resnet_name(layer: str) -> str | None:
    """Return the layer's name in ``ResNetMulti`` and its ``layer5``."""
    if layer in STEM:
        return STEM[layer]
    if match := CLASSIFIER.fullmatch(layer):
        return f'layer5.conv2d_list.{match[2]}'
    if not (match := BRANCH.fullmatch(layer)):
        return None
    kind, stage, block, branch = match.groups()
    # Blocks are a, b, c, ... or, in deep stages, a, b1, b2, ...
    index = int(block[1:]) if block[1:] else ord(block) - ord('a')
    if branch == '1':
        unit = f'downsample.{int(kind != "res")}'
    else:
        unit = ('conv' if kind == 'res' else 'bn') + UNITS[branch]
    return f'layer{int(stage) - 1}.{index}.{unit}'


def _resnet_tensors(layer: str, name: str, blobs: list[Tensor]) -> StateDict:
    if layer.startswith('bn'):
        if len(blobs) != 3:
            raise ValueError(
                f'{layer}: BatchNorm has 3 blobs (mean, variance, scale factor), this '
                f'one {len(blobs)}'
            )
        factor = blobs[2].item()
        scale = 1 / factor if factor else 0.0
        return {
            f'{name}.running_mean': blobs[0].flatten() * scale,
            f'{name}.running_var': blobs[1].flatten() * scale,
        }
    if layer.startswith('scale'):
        blobs = [blob.flatten() for blob in blobs]
    return _weight_and_bias(name, blobs)


def _add(state: StateDict, tensors: StateDict, layer: str) -> None:
    twice = state.keys() & tensors.keys()
    if twice:
        raise ValueError(f'{layer}: a second layer for {some(sorted(twice))}')
    state.update(tensors)


def _weight_and_bias(name: str, blobs: list[Tensor]) -> StateDict:
    tensors = {f'{name}.weight': blobs[0]}
    if len(blobs) > 1:
        tensors[f'{name}.bias'] = blobs[1].flatten()
    return tensors


def _convert_vgg(layers: dict[str, list[Tensor]], fc_branches: int) -> StateDict:
    fc6 = layers.get('fc6', [torch.empty(0)])[0]
    if fc_branches and not fc6.numel():
        raise ValueError(
            f'fc_branches={fc_branches} needs a single fc6, found {some(layers)}'
        )
    layers = _drop_layers(layers, re.compile('fc8'), why='the image classifier')
    if fc6.numel() == IMAGENET_FC6[0] * IMAGENET_FC6[1]:
        layers = (
            layers | _decimated(layers)
            if fc_branches
            else _drop_layers(layers, re.compile('fc[67]'), why='no fc_branches')
        )
    _refuse_unknown(
        layers, lambda name: VGG_CONV.fullmatch(name) or VGG_FC.fullmatch(name)
    )
    _check_fc6(layers)
    state: StateDict = {}
    for name, blobs in layers.items():
        for place in _vgg_names(name, fc_branches):
            _add(state, _weight_and_bias(place, blobs), name)
    return state


def _check_fc6(layers: dict[str, list[Tensor]]) -> None:
    for name, blobs in layers.items():
        if name.startswith('fc6') and blobs[0].shape[2:] != (3, 3):
            raise ValueError(
                f'{name} has shape {tuple(blobs[0].shape)}: only the 3x3 fc6 of '
                "LargeFOV and ASPP is converted, and ImageNet's 7x7 with fc_branches"
            )


def _vgg_names(layer: str, fc_branches: int) -> list[str]:
    if VGG_CONV.fullmatch(layer):
        return [f'backbone.{layer}']
    low, branch, fc8, _, fc8_branch = VGG_FC.fullmatch(layer).groups()
    number = branch or fc8_branch
    places = [int(number) - 1] if number else range(fc_branches or 1)
    return [f'decode_head.branches.{i}.fc{low or fc8}' for i in places]


def _decimated(layers: dict[str, list[Tensor]]) -> dict[str, list[Tensor]]:
    fc6, fc6_bias = layers['fc6']
    fc7, fc7_bias = layers['fc7']
    kept = dict(
        fc6=[fc6.reshape(4096, 512, 7, 7)[::4, :, ::3, ::3], fc6_bias.flatten()[::4]],
        fc7=[fc7.reshape(4096, 4096, 1, 1)[::4, ::4], fc7_bias.flatten()[::4]],
    )
    # Views would keep, and save, the 400 MB that they are cut from.
    return {name: [blob.clone() for blob in blobs] for name, blobs in kept.items()}


def _drop_layers(
    layers: dict[str, list[Tensor]], pattern: re.Pattern[str], *, why: str
) -> dict[str, list[Tensor]]:
    return drop(layers, [name for name in layers if pattern.fullmatch(name)], why=why)


def _refuse_unknown(
    layers: dict[str, list[Tensor]], is_known: Callable[[str], object]
) -> None:
    unknown = [name for name in layers if not is_known(name)]
    if unknown:
        raise ValueError(
            f'{len(unknown)} of {len(layers)} layers are not known for source '
            f"'caffe': {some(unknown)}"
        )


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: What :func:`load_caffe` returned, or converted weights.
        output_stride: 8 as trained, 16 or 32.

    Raises:
        ValueError: If the weights have no classifier, or, on VGG16, the rates have no
            whole value at this output stride.
    """
    if not any(key.startswith('backbone.') for key in state):
        state = convert(state)
    if 'backbone.conv1.weight' in state:
        return resnet_multi.model_config(state, output_stride=output_stride)
    return _vgg_config(state, output_stride=output_stride)


def _vgg_config(state: StateDict, *, output_stride: int) -> dict:
    branches = [key for key in state if key.endswith('.fc8.weight')]
    rates = {1: LARGE_FOV_DILATIONS, 4: PYRAMID_DILATIONS}
    if len(branches) not in rates:
        raise ValueError(
            f'DeepLab on VGG16 has 1 or 4 classifiers (fc8), found {len(branches)}: '
            'these weights are initial ones, or another net'
        )
    width, in_channels = state['backbone.conv1_1.weight'].shape[:2]
    backbone = dict(
        type='VGG16LargeFOV',
        in_channels=in_channels,
        base_channels=width,
        output_stride=output_stride,
        average_pool=len(branches) == 1,
    )
    channels, in_channels = state['decode_head.branches.0.fc6.weight'].shape[:2]
    head = dict(
        type='LargeFOVHead',
        in_channels=in_channels,
        in_index=0,
        channels=channels,
        num_classes=state[branches[0]].shape[0],
        dilations=scaled_rates(
            rates[len(branches)], Fraction(8, output_stride), owner='LargeFOVHead'
        ),
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    return segmentor_config(backbone, head)
