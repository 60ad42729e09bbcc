"""VainF/DeepLabV3Plus-Pytorch: DeepLab v3 and v3+ on ResNet and MobileNetV2.

The ResNet has torchvision's names; MobileNetV2 is cut into ``low_level_features`` and
``high_level_features``. Networks made with ``--separable_conv`` (no normalisation
between the depthwise and the pointwise convolution) and HRNet are not known here.
"""

import re

from mmseg_deeplab.checkpoints.state_dicts import StateDict, map_keys, strip_leading

from .aspp_keys import (
    IMAGENET_PREPROCESSOR,
    LOW_LEVEL,
    head_config,
    pool_first,
    pyramid_first,
    torchvision_pyramid,
)
from .resnet_keys import BACKBONE_KEY, host_resnet_config, segmentor_config

# The last 1x1 convolution of v3+ and of v3.
MARKERS = ('classifier.classifier.3.weight', 'classifier.classifier.4.weight')
V3PLUS = torchvision_pyramid('classifier.aspp') | {
    'classifier.project.0': 'c1_bottleneck.conv',
    'classifier.project.1': 'c1_bottleneck.bn',
    'classifier.classifier.0': 'convs.0.conv',
    'classifier.classifier.1': 'convs.0.bn',
    'classifier.classifier.3': 'conv_seg',
}
V3 = torchvision_pyramid('classifier.classifier.0') | {
    'classifier.classifier.1': 'convs.0.conv',
    'classifier.classifier.2': 'convs.0.bn',
    'classifier.classifier.4': 'conv_seg',
}
# Blocks of each stage: MobileNetV2 (https://arxiv.org/abs/1801.04381), table 2.
STAGES = (1, 2, 3, 4, 3, 3, 1)
MOBILENET_STEM = 'backbone.low_level_features.0'
MOBILENET_BLOCK = re.compile(
    r'backbone\.(?:low|high)_level_features\.(\d+)\.conv\.([\d.]+)\.(\w+)'
)


def knows(state: StateDict) -> bool:
    """Tell whether these are weights of VainF, by names that no other has."""
    return any(key.startswith('classifier.classifier.') for key in state)


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``."""
    for marker in MARKERS:
        state = strip_leading(state, marker)
    head = V3PLUS if 'classifier.project.0.weight' in state else V3

    def rename(key: str) -> str | None:
        module, _, tensor = key.rpartition('.')
        if module in head:
            return f'decode_head.{head[module]}.{tensor}'
        if BACKBONE_KEY.fullmatch(key.removeprefix('backbone.')):
            return key
        return rename_mobilenet(key)

    state = map_keys(state, rename, source='vainf')
    state = pool_first(state)
    return pyramid_first(state) if LOW_LEVEL in state else state


def rename_mobilenet(key: str) -> str | None:
    """Return the host's name of a tensor of MobileNetV2, None if it is none."""
    module, _, tensor = key.rpartition('.')
    if module in (f'{MOBILENET_STEM}.0', f'{MOBILENET_STEM}.1'):
        return f'backbone.conv1.{("conv", "bn")[int(module[-1])]}.{tensor}'
    match = MOBILENET_BLOCK.fullmatch(key)
    if not match or not 1 <= int(match[1]) <= sum(STAGES):
        return None
    stage, block = stage_of(int(match[1]))
    unit = unit_of(match[2], expands=stage > 1)
    return unit and f'backbone.layer{stage}.{block}.{unit}.{match[3]}'


def stage_of(index: int) -> tuple[int, int]:
    """Return stage, from 1, and block, from 0, of the ``index``-th block, from 1."""
    for stage, blocks in enumerate(STAGES, start=1):
        if index <= blocks:
            return stage, index - 1
        index -= blocks
    raise ValueError(f'MobileNetV2 has {sum(STAGES)} blocks, asked for {index} more')


def unit_of(place: str, *, expands: bool) -> str | None:
    """Return the host's unit at a place in a block; the last 1x1 is not grouped."""
    last = 2 if expands else 1
    units = {
        f'{i}.{j}': f'conv.{i}.{("conv", "bn")[j]}' for i in range(last) for j in (0, 1)
    }
    units |= {f'{last}': f'conv.{last}.conv', f'{last + 1}': f'conv.{last}.bn'}
    return units.get(place)


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: Weights of VainF/DeepLabV3Plus-Pytorch, or converted ones.
        output_stride: 16 as the published ones are trained, 8 or 32.
    """
    if not any(key.startswith('decode_head.') for key in state):
        state = convert(state)
    if 'backbone.layer7.0.conv.0.conv.weight' in state:
        backbone = dict(
            type='VainFMobileNetV2',
            output_stride=output_stride,
            out_indices=(1, 2, 4, 6),
            norm_cfg=dict(type='BN', momentum=0.01),
        )
    else:
        backbone = host_resnet_config(state, output_stride=output_stride)
    return segmentor_config(
        backbone,
        head_config(state, output_stride=output_stride),
        data_preprocessor=IMAGENET_PREPROCESSOR,
    )
