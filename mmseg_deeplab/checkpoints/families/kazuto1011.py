"""kazuto1011/deeplab-pytorch: DeepLab v2, v3 and v3+ on ResNet.

``layer1`` is the stem and ``layer2`` to ``layer5`` the stages; blocks are called
``reduce``, ``conv3x3``, ``increase`` and ``shortcut``; ``base.`` comes from the
multi-scale wrapper.
"""

from ..state_dicts import StateDict, drop, rename_modules, strip_leading
from .aspp_keys import POOL, conv_and_norm, head_config, pool_first
from .resnet_keys import (
    MAX_BLOCKS,
    classifier_config,
    resnet_multi_config,
    segmentor_config,
)

MARKER = 'layer2.block1.reduce.conv.weight'
# models/__init__.py of the source builds every v3 and v3+ so.
MULTI_GRID = (1, 2, 4)
UNITS = {
    'reduce.conv': 'conv1',
    'reduce.bn': 'bn1',
    'conv3x3.conv': 'conv2',
    'conv3x3.bn': 'bn2',
    'increase.conv': 'conv3',
    'increase.bn': 'bn3',
    'shortcut.conv': 'downsample.0',
    'shortcut.bn': 'downsample.1',
}
HEAD = conv_and_norm(
    {f'aspp.stages.c{i}': f'aspp_modules.{i}' for i in range(4)}
    | {
        'aspp.stages.imagepool.conv': 'image_pool.1',
        'fc1': 'bottleneck',
        'reduce': 'c1_bottleneck',
        'fc2.conv1': 'convs.0',
        'fc2.conv2': 'convs.1',
    }
)
HEAD |= {f'aspp.c{i}': f'conv2d_list.{i}' for i in range(4)}
HEAD |= {'fc2': 'conv_seg', 'fc2.conv3': 'conv_seg'}
MODULES = {theirs: f'decode_head.{ours}' for theirs, ours in HEAD.items()}
MODULES |= {f'layer1.conv1.{kind}': f'backbone.{kind}1' for kind in ('conv', 'bn')}
MODULES |= {
    f'layer{stage + 1}.block{block + 1}.{unit}': f'backbone.layer{stage}.{block}.{ours}'
    for stage in (1, 2, 3, 4)
    for block in range(MAX_BLOCKS)
    for unit, ours in UNITS.items()
}


def knows(state: StateDict) -> bool:
    return any(key.endswith(MARKER) for key in state)


def convert(state: StateDict) -> StateDict:
    state = strip_leading(state, MARKER)
    # The COCO initialisation file ends in the classifier of another task.
    state = drop(state, ['fc.weight', 'fc.bias'], why='the image classifier')
    state = rename_modules(state, MODULES, source='kazuto1011')
    return pool_first(state) if POOL in state else state


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor; v2 is trained at output stride 8, v3 and v3+ at 16."""
    options = dict(output_stride=output_stride)
    if POOL not in state:
        head = classifier_config(state, **options, align_corners=False)
        return segmentor_config(resnet_multi_config(state, **options), head)
    backbone = resnet_multi_config(
        state, **options, multi_grid=MULTI_GRID, frozen_bn='none'
    )
    return segmentor_config(backbone, head_config(state, **options))
