"""VainF/DeepLabV3Plus-Pytorch: DeepLab v3 and v3+ on ResNet and MobileNetV2.

The ResNet has torchvision's names; MobileNetV2 is cut into ``low_level_features`` and
``high_level_features``. Networks made with ``--separable_conv`` (no normalisation
between the depthwise and the pointwise convolution) and HRNet are not known here.
"""

from ..state_dicts import StateDict, rename_modules, strip_leading
from .aspp_keys import (
    IMAGENET_PREPROCESSOR,
    LOW_LEVEL,
    conv_and_norm,
    head_config,
    pool_first,
    pyramid_first,
    torchvision_pyramid,
)
from .mobilenet_keys import MOBILENET_BLOCKS, block_units
from .resnet_keys import mmseg_resnet_config, resnet_modules, segmentor_config

# The last 1x1 convolution of v3+ and of v3.
MARKERS = ('classifier.classifier.3.weight', 'classifier.classifier.4.weight')
V3PLUS = torchvision_pyramid('classifier.aspp')
V3PLUS |= conv_and_norm(
    {'classifier.project.0': 'c1_bottleneck', 'classifier.classifier.0': 'convs.0'}
)
V3PLUS |= {'classifier.classifier.3': 'conv_seg'}
V3 = torchvision_pyramid('classifier.classifier.0')
V3 |= conv_and_norm({'classifier.classifier.1': 'convs.0'})
V3 |= {'classifier.classifier.4': 'conv_seg'}


def _mobilenet_modules() -> dict[str, str]:
    units = {'backbone.low_level_features.0.0': 'backbone.conv1'}
    for number in range(len(MOBILENET_BLOCKS)):
        for half in ('low', 'high'):
            block = f'backbone.{half}_level_features.{number + 1}.conv'
            *first, last = block_units(number)
            units |= {f'{block}.{i}.0': unit for i, unit in enumerate(first)}
            units[f'{block}.{len(first)}'] = last  # the last 1x1 is not grouped
    return conv_and_norm(units)


BACKBONES = resnet_modules('backbone.') | _mobilenet_modules()


def knows(state: StateDict) -> bool:
    return any(key.startswith('classifier.classifier.') for key in state)


def convert(state: StateDict) -> StateDict:
    state = strip_leading(state, *MARKERS)
    head = V3PLUS if 'classifier.project.0.weight' in state else V3
    modules = {theirs: f'decode_head.{ours}' for theirs, ours in head.items()}
    state = rename_modules(state, BACKBONES | modules, source='vainf')
    state = pool_first(state)
    return pyramid_first(state) if LOW_LEVEL in state else state


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor of converted weights, trained at output stride 16."""
    if 'backbone.layer7.0.conv.0.conv.weight' in state:
        backbone = dict(
            type='VainFMobileNetV2',
            output_stride=output_stride,
            out_indices=(1, 2, 4, 6),
            norm_cfg=dict(type='BN', momentum=0.01),
        )
    else:
        backbone = mmseg_resnet_config(state, output_stride=output_stride)
    return segmentor_config(
        backbone,
        head_config(state, output_stride=output_stride),
        data_preprocessor=IMAGENET_PREPROCESSOR,
    )
