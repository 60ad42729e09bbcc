"""kazuto1011/deeplab-pytorch: DeepLab v2, v3 and v3+ on ResNet.

``layer1`` is the stem and ``layer2`` to ``layer5`` the stages; blocks are called
``reduce``, ``conv3x3``, ``increase`` and ``shortcut``; ``base.`` comes from the
multi-scale wrapper.
"""

import re

from mmseg_deeplab.checkpoints.state_dicts import (
    StateDict,
    drop,
    map_keys,
    strip_leading,
)

from .aspp_keys import POOL, head_config, pool_first
from .resnet_keys import backbone_config, classifier_config, segmentor_config

MARKER = 'layer2.block1.reduce.conv.weight'
UNITS = {
    ('reduce', 'conv'): 'conv1',
    ('reduce', 'bn'): 'bn1',
    ('conv3x3', 'conv'): 'conv2',
    ('conv3x3', 'bn'): 'bn2',
    ('increase', 'conv'): 'conv3',
    ('increase', 'bn'): 'bn3',
    ('shortcut', 'conv'): 'downsample.0',
    ('shortcut', 'bn'): 'downsample.1',
}
# models/__init__.py of the source builds every v3 and v3+ so.
MULTI_GRID = (1, 2, 4)
STEM = re.compile(r'layer1\.conv1\.(conv|bn)\.(\w+)')
BLOCK = re.compile(
    r'layer([2-5])\.block(\d+)\.(reduce|conv3x3|increase|shortcut)\.(conv|bn)\.(\w+)'
)
CLASSIFIER = re.compile(r'aspp\.c(\d+)\.(weight|bias)')
# DeepLab v3 and v3+: units of a convolution and its norm, then the classifiers.
UNITS_OF_HEAD = {
    **{f'aspp.stages.c{i}': f'aspp_modules.{i}' for i in range(4)},
    'aspp.stages.imagepool.conv': 'image_pool.1',
    'fc1': 'bottleneck',
    'reduce': 'c1_bottleneck',
    'fc2.conv1': 'convs.0',
    'fc2.conv2': 'convs.1',
}
HEAD = {
    f'{theirs}.{kind}': f'{ours}.{kind}'
    for theirs, ours in UNITS_OF_HEAD.items()
    for kind in ('conv', 'bn')
} | {'fc2': 'conv_seg', 'fc2.conv3': 'conv_seg'}


def rename(key: str) -> str | None:
    """Return the key here of one of theirs, None if it is not a DeepLab key."""
    if match := STEM.fullmatch(key):
        return f'backbone.{match[1]}1.{match[2]}'
    if match := BLOCK.fullmatch(key):
        stage, block, unit, kind, tensor = match.groups()
        name = UNITS[unit, kind]
        return f'backbone.layer{int(stage) - 1}.{int(block) - 1}.{name}.{tensor}'
    if match := CLASSIFIER.fullmatch(key):
        return f'decode_head.conv2d_list.{match[1]}.{match[2]}'
    module, _, tensor = key.rpartition('.')
    return f'decode_head.{HEAD[module]}.{tensor}' if module in HEAD else None


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``."""
    state = strip_leading(state, MARKER)
    # The COCO initialisation file ends in the classifier of another task.
    state = drop(state, ['fc.weight', 'fc.bias'], why='the image classifier')
    state = map_keys(state, rename, source='kazuto1011')
    return pool_first(state) if POOL in state else state


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: Weights of kazuto1011/deeplab-pytorch, or converted ones.
        output_stride: v2 is trained at 8, v3 and v3+ at 16.
    """
    if 'backbone.conv1.weight' not in state:
        state = convert(state)
    if POOL in state:
        backbone = backbone_config(
            state,
            output_stride=output_stride,
            multi_grid=MULTI_GRID,
            frozen_bn='none',
        )
        return segmentor_config(
            backbone, head_config(state, output_stride=output_stride)
        )
    head = classifier_config(
        state,
        'decode_head',
        output_stride=output_stride,
        align_corners=False,
        num_summed=None,
    )
    return segmentor_config(backbone_config(state, output_stride=output_stride), head)
