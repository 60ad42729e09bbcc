"""jfzhang95/pytorch-deeplab-xception: DeepLab v3+ on Xception-65 and ResNet-101.

Its MobileNetV2 dilates by a rule of its own (a stage runs wholly at the rate reached
before it, and the blocks pad like VainF's but not the stem), and its DRN has no
counterpart here: their files are refused.
"""

import re

from mmseg_deeplab.checkpoints.state_dicts import StateDict, map_keys, strip_leading

from .aspp_keys import IMAGENET_PREPROCESSOR, head_config, pool_first
from .resnet_keys import BACKBONE_KEY, host_resnet_config, segmentor_config

MARKER = 'block20.rep.7.pointwise.weight'

# Separable convolution, and its place among the three of a block: rep holds ReLU,
# convolution, BatchNorm in turns, without the first ReLU in blocks 1 and 2.
_DEEP = re.compile(r'block(\d+)\.rep\.(\d+)\.(conv1|bn|pointwise)\.(\w+)')
_NORM = re.compile(r'block(\d+)\.rep\.(\d+)\.(\w+)')
_SKIP = re.compile(r'block(\d+)\.(skip|skipbn)\.(\w+)')
_STEM = re.compile(r'(conv|bn)([12])\.(\w+)')
_LAST = re.compile(r'conv([345])\.(conv1|bn|pointwise)\.(\w+)')
_LAST_NORM = re.compile(r'bn([345])\.(\w+)')

_PART = {
    'conv1': 'depthwise_conv.conv',
    'bn': 'depthwise_conv.bn',
    'pointwise': 'pointwise_conv.conv',
}
_KIND = {'conv': 'conv', 'bn': 'bn', 'skip': 'conv', 'skipbn': 'bn'}


def rename_backbone(key: str) -> str | None:
    """Return the name in :class:`AlignedXception` of a key of jfzhang95's Xception.

    Args:
        key: Name inside the backbone, without ``backbone.`` before it; so is the name
            returned.

    Returns:
        None for a key that is not the backbone's.
    """
    if match := _STEM.fullmatch(key):
        kind, i, leaf = match.groups()
        return f'conv{i}.{kind}.{leaf}'
    if match := _DEEP.fullmatch(key):
        block, place, part, leaf = match.groups()
        return f'{_block(block)}.convs.{int(place) // 3}.{_PART[part]}.{leaf}'
    if match := _NORM.fullmatch(key):
        block, place, leaf = match.groups()
        return f'{_block(block)}.convs.{int(place) // 3}.pointwise_conv.bn.{leaf}'
    if match := _SKIP.fullmatch(key):
        block, kind, leaf = match.groups()
        return f'{_block(block)}.shortcut.{_KIND[kind]}.{leaf}'
    if match := _LAST.fullmatch(key):
        i, part, leaf = match.groups()
        return f'exit.1.convs.{int(i) - 3}.{_PART[part]}.{leaf}'
    if match := _LAST_NORM.fullmatch(key):
        i, leaf = match.groups()
        return f'exit.1.convs.{int(i) - 3}.pointwise_conv.bn.{leaf}'
    return None


def _block(number: str) -> str:
    """Blocks 1 to 3 are the entry flow, 4 to 19 the middle one, 20 begins the exit."""
    n = int(number)
    if n <= 3:
        return f'entry.{n - 1}'
    return f'middle.{n - 4}' if n <= 19 else 'exit.0'


CLASSIFIER = 'decoder.last_conv.8.weight'
RESNET = 'backbone.layer4.0.conv1.weight'
# modeling/backbone/resnet.py: factors of the last stage, which has three blocks.
MULTI_GRID = (1, 2, 4)
HEAD = {
    **{f'aspp.aspp{i + 1}.atrous_conv': f'aspp_modules.{i}.conv' for i in range(4)},
    **{f'aspp.aspp{i + 1}.bn': f'aspp_modules.{i}.bn' for i in range(4)},
    'aspp.global_avg_pool.1': 'image_pool.1.conv',
    'aspp.global_avg_pool.2': 'image_pool.1.bn',
    'aspp.conv1': 'bottleneck.conv',
    'aspp.bn1': 'bottleneck.bn',
    'decoder.conv1': 'c1_bottleneck.conv',
    'decoder.bn1': 'c1_bottleneck.bn',
    'decoder.last_conv.0': 'convs.0.conv',
    'decoder.last_conv.1': 'convs.0.bn',
    'decoder.last_conv.4': 'convs.1.conv',
    'decoder.last_conv.5': 'convs.1.bn',
    'decoder.last_conv.8': 'conv_seg',
}


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``.

    Raises:
        ValueError: If the backbone is one that has no counterpart here.
    """
    state = strip_leading(state, CLASSIFIER)
    for sign, name in (('low_level_features', 'MobileNetV2'), ('layer0', 'DRN')):
        if any(key.startswith(f'backbone.{sign}.') for key in state):
            raise ValueError(
                f'this file of jfzhang95 is a DeepLab on its {name}, which no backbone '
                'here reproduces; known are its Xception and ResNet-101'
            )
    resnet = RESNET in state

    def rename(key: str) -> str | None:
        module, _, tensor = key.rpartition('.')
        if module in HEAD:
            return f'decode_head.{HEAD[module]}.{tensor}'
        own = key.removeprefix('backbone.')
        if own == key:
            return None
        if resnet:
            return key if BACKBONE_KEY.fullmatch(own) else None
        name = rename_backbone(own)
        return name and f'backbone.{name}'

    return pool_first(map_keys(state, rename, source='jfzhang95'))


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: Weights of jfzhang95/pytorch-deeplab-xception, or converted ones.
        output_stride: 16 as the published ones are trained, 8 or 32.
    """
    if not any(key.startswith('decode_head.') for key in state):
        state = convert(state)
    if RESNET in state:
        backbone = host_resnet_config(
            state,
            output_stride=output_stride,
            contract_dilation=False,
            multi_grid=MULTI_GRID,
        )
    else:
        backbone = dict(
            type='JFZhang95Xception',
            depth=65,
            output_stride=output_stride,
            norm_cfg=dict(type='BN'),  # PyTorch's epsilon, not TF's
        )
    head = head_config(state, output_stride=output_stride, align_corners=True)
    return segmentor_config(backbone, head, data_preprocessor=IMAGENET_PREPROCESSOR)
