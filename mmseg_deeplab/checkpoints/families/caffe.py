"""The Caffe releases of DeepLab: v2 on ResNet (R101), v1 and v2 on VGG16.

Names are those of MSRA's ResNet (``res4b22_branch2c``), of VGG16 (``conv5_3``), and of
the released heads (``fc1_voc12_c0`` to ``c3``, ``fc8_voc12``, ``fc8_voc12_1``, ...).
"""

import re
from fractions import Fraction

import torch
from torch import Tensor

from mmseg_deeplab.ops.geometry import scaled_rates
from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, drop, some
from . import isht7
from .resnet_keys import LOSS, MAX_BLOCKS, segmentor_config
from .vgg16_keys import CONV_NAMES

Layers = dict[str, list[Tensor]]  # blobs by the name of the layer

# Layers of the training network's other scales share the weights of the first.
SCALE_COPY = re.compile(r'.+_res0\d+\.\d+')
CLASSIFIER = re.compile(r'fc1_(.+)_c(\d)')
# ImageNet's, and the COCO classifier in DeepLab v2's initial file.
OTHER_CLASSIFIER = re.compile(r'fc1000|fc1_[a-z0-9]+|fc8')
VGG_FC = re.compile(r'fc([67])(?:_([1-4]))?|fc(8)_(?:.+?)(?:_([1-4]))?')
IMAGENET_FC6 = (4096, 512 * 7 * 7)
# Rates of fc6 at output stride 8 with one branch (LargeFOV) and with four (ASPP-L).
FC6_RATES = {1: (12,), 4: (6, 12, 18, 24)}


def _resnet_layers() -> dict[str, str]:
    """Map the layers of MSRA's ResNet to the modules of ``ResNetMulti``."""
    layers = {'conv1': 'conv1', 'bn_conv1': 'bn1', 'scale_conv1': 'bn1'}
    for stage in (1, 2, 3, 4):
        for index in range(MAX_BLOCKS):
            ours = f'layer{stage}.{index}'
            # Blocks are a, b, c, ... or, in deep stages, a, b1, b2, ...
            for block in {f'b{index}' if index else 'a', chr(ord('a') + index)}:
                end = f'{stage + 1}{block}_branch'
                layers[f'res{end}1'] = f'{ours}.downsample.0'
                layers[f'bn{end}1'] = layers[f'scale{end}1'] = f'{ours}.downsample.1'
                for i, unit in enumerate('abc', start=1):
                    layers[f'res{end}2{unit}'] = f'{ours}.conv{i}'
                    layers[f'bn{end}2{unit}'] = f'{ours}.bn{i}'
                    layers[f'scale{end}2{unit}'] = f'{ours}.bn{i}'
    return layers


RESNET_LAYERS = _resnet_layers()


def knows(state: StateDict) -> bool:
    return all(key.rpartition('.')[2].isdigit() for key in state)


def convert(state: StateDict, *, fc_branches: int = 0) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``.

    Running statistics are divided by BatchNorm's scale factor (its third blob; a factor
    of 0 means statistics of 0, as in Caffe), weight and bias come from the Scale layer.

    Args:
        state: Blobs as :func:`load_caffe` gives them.
        fc_branches: For initial weights on VGG16: how many branches of
            ``LargeFOVHead`` start from the file's single fc6 and fc7. Those of ImageNet
            (4096 channels, 7x7) are cut down as in DeepLab v1, section 3.1, by simple
            decimation: every fourth channel, and rows and columns 0, 3 and 6. With 0
            ImageNet's are left out, and others fill the branches that they name.
    """
    copies = [key for key in state if SCALE_COPY.fullmatch(key)]
    layers = _layers(drop(state, copies, why='copies for other scales'))
    if not layers.keys().isdisjoint(CONV_NAMES):
        return _convert_vgg(layers, fc_branches)
    if fc_branches:
        raise InputError(
            f'fc_branches={fc_branches} is for VGG16; these layers are of another '
            f'network: {some(layers)}'
        )
    layers = _drop_layers(layers, OTHER_CLASSIFIER, why='another classifier')
    names = {layer: [name] for layer, name in RESNET_LAYERS.items()}
    for layer in layers:
        if match := CLASSIFIER.fullmatch(layer):
            names[layer] = [f'layer5.conv2d_list.{match[2]}']
    return isht7.convert(_renamed(layers, names))


def _layers(state: StateDict) -> Layers:
    """Group ``layer.i`` by layer, blobs in their order."""
    layers: Layers = {}
    for key, value in state.items():
        name, _, index = key.rpartition('.')
        if not name or not index.isdigit():
            raise InputError(
                f'{key}: not a blob of load_caffe (layer.0, layer.1, ...); Caffe '
                'weights are read from the .caffemodel'
            )
        layers.setdefault(name, []).append(value)
    return layers


def _drop_layers(layers: Layers, pattern: re.Pattern[str], *, why: str) -> Layers:
    return drop(layers, [name for name in layers if pattern.fullmatch(name)], why=why)


def _renamed(layers: Layers, names: dict[str, list[str]]) -> StateDict:
    """Give the tensors of all layers by the modules of ours that each layer fills."""
    unknown = [name for name in layers if name not in names]
    if unknown:
        raise InputError(
            f'{len(unknown)} of {len(layers)} layers are not known for source '
            f"'caffe': {some(unknown)}"
        )
    state: StateDict = {}
    for layer, blobs in layers.items():
        for name in names[layer]:
            tensors = {f'{name}.{k}': v for k, v in _tensors(layer, blobs).items()}
            twice = state.keys() & tensors.keys()
            if twice:
                raise InputError(f'{layer}: a second layer for {some(sorted(twice))}')
            state.update(tensors)
    return state


def _tensors(layer: str, blobs: list[Tensor]) -> StateDict:
    """Name the blobs of a layer as PyTorch does."""
    if layer.startswith('bn'):
        if len(blobs) != 3:
            raise InputError(
                f'{layer}: BatchNorm has 3 blobs (mean, variance, scale factor), this '
                f'one {len(blobs)}'
            )
        factor = blobs[2].item()
        scale = 1 / factor if factor else 0.0
        mean, variance = (blob.flatten() * scale for blob in blobs[:2])
        return {'running_mean': mean, 'running_var': variance}
    weight = blobs[0].flatten() if layer.startswith('scale') else blobs[0]
    tensors = {'weight': weight}
    if len(blobs) > 1:
        tensors['bias'] = blobs[1].flatten()
    return tensors


def _convert_vgg(layers: Layers, fc_branches: int) -> StateDict:
    fc6 = layers.get('fc6', [torch.empty(0)])[0]
    if fc_branches and not fc6.numel():
        raise InputError(
            f'fc_branches={fc_branches} needs a single fc6, found {some(layers)}'
        )
    layers = _drop_layers(layers, re.compile('fc8'), why='the image classifier')
    if fc6.numel() == IMAGENET_FC6[0] * IMAGENET_FC6[1]:
        if fc_branches:
            layers |= _decimated(layers)
        else:
            layers = _drop_layers(layers, re.compile('fc[67]'), why='no fc_branches')
    names = {name: [f'backbone.{name}'] for name in CONV_NAMES}
    for layer, blobs in layers.items():
        if not (match := VGG_FC.fullmatch(layer)):
            continue
        fc, branch = match[1] or match[3], match[2] or match[4]
        if fc == '6' and blobs[0].shape[2:] != (3, 3):
            raise InputError(
                f'{layer} has shape {tuple(blobs[0].shape)}: only the 3x3 fc6 of '
                "LargeFOV and ASPP is converted, and ImageNet's 7x7 with fc_branches"
            )
        branches = [int(branch) - 1] if branch else range(fc_branches or 1)
        names[layer] = [f'decode_head.branches.{i}.fc{fc}' for i in branches]
    return _renamed(layers, names)


def _decimated(layers: Layers) -> Layers:
    fc6, fc6_bias = layers['fc6']
    fc7, fc7_bias = layers['fc7']
    kept = dict(
        fc6=[fc6.reshape(4096, 512, 7, 7)[::4, :, ::3, ::3], fc6_bias.flatten()[::4]],
        fc7=[fc7.reshape(4096, 4096, 1, 1)[::4, ::4], fc7_bias.flatten()[::4]],
    )
    # Views would keep, and save, the 400 MB that they are cut from.
    return {name: [blob.clone() for blob in blobs] for name, blobs in kept.items()}


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor of converted weights, trained at output stride 8."""
    if 'backbone.conv1.weight' in state:
        return isht7.model_config(state, output_stride=output_stride)
    branches = [key for key in state if key.endswith('.fc8.weight')]
    if len(branches) not in FC6_RATES:
        raise InputError(
            f'DeepLab on VGG16 has 1 or 4 classifiers (fc8), found {len(branches)}: '
            'these weights are initial ones, or another net'
        )
    width, image_channels = state['backbone.conv1_1.weight'].shape[:2]
    backbone = dict(
        type='VGG16LargeFOV',
        in_channels=image_channels,
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
            FC6_RATES[len(branches)], Fraction(8, output_stride), owner='LargeFOVHead'
        ),
        align_corners=True,
        loss_decode=LOSS.copy(),
    )
    return segmentor_config(backbone, head)
