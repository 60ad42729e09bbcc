"""DeepLab v3 and v3+ heads: order of concatenation, and what the shapes tell."""

import re
from collections.abc import Mapping

import torch

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict
from .resnet_keys import LOSS, PREPROCESSOR

# DeepLab v3, section 3.3: (6, 12, 18) at output stride 16, doubled at 8; halved at 32.
DILATIONS = {8: (1, 12, 24, 36), 16: (1, 6, 12, 18), 32: (1, 3, 6, 9)}

# ImageNet's in RGB, 0..255: torchvision, VainF and jfzhang95 train with it.
IMAGENET_PREPROCESSOR = PREPROCESSOR | dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]
)
POOL = 'decode_head.image_pool.1.conv.weight'
POOL_BIAS = 'decode_head.image_pool.1.conv.bias'  # in place of a norm: detectron2
# A depthwise convolution with nothing between it and the pointwise one: smp.
LINEAR_DEPTHWISE = dict(dw_norm_cfg=None, dw_act_cfg=None, bias=False)
CELL = 'decode_head.aspp_modules.0.depthwise_conv.conv.weight'  # no 1x1 is separable
FUSION = 'decode_head.bottleneck.conv.weight'
LOW_LEVEL = 'decode_head.c1_bottleneck.conv.weight'
DECODER = 'decode_head.convs.0.conv.weight'
CLASSIFIER = 'decode_head.conv_seg.weight'


def conv_and_norm(units: Mapping[str, str]) -> dict[str, str]:
    """Map units of a convolution and its norm, perhaps numbered: ``X.3``, ``X.4``."""
    modules = {}
    for theirs, ours in units.items():
        name, _, place = theirs.rpartition('.')
        kinds = ('conv', 'bn')
        if place.isdigit():
            theirs, kinds = name, (place, str(int(place) + 1))
        pairs = zip(kinds, ('conv', 'bn'), strict=True)
        modules |= {f'{theirs}.{kind}': f'{ours}.{own}' for kind, own in pairs}
    return modules


def torchvision_pyramid(name: str) -> dict[str, str]:
    """Map the modules of torchvision's ``ASPP``, called ``name``, to a head's."""
    return conv_and_norm(
        {f'{name}.convs.{i}.0': f'aspp_modules.{i}' for i in range(4)}
        # Layer 0 is the average.
        | {f'{name}.convs.4.1': 'image_pool.1', f'{name}.project.0': 'bottleneck'}
    )


def pool_first(state: StateDict, *, head: str = 'decode_head') -> StateDict:
    """Permute the fusion's inputs: only MMSeg concatenates the pooled image first."""
    pool, fusion = (key.replace('decode_head', head) for key in (POOL, FUSION))
    return last_inputs_first(state, fusion, count=state[pool].shape[0])


def pyramid_first(state: StateDict) -> StateDict:
    """Permute the decoder's inputs: pyramid, then low level (VainF: reversed)."""
    return last_inputs_first(state, DECODER, count=state[FUSION].shape[0])


def last_inputs_first(state: StateDict, key: str, *, count: int) -> StateDict:
    """Move the last ``count`` inputs of a convolution to the front."""
    first, last = state[key].split([state[key].shape[1] - count, count], dim=1)
    return state | {key: torch.cat([last, first], dim=1)}


def head_config(
    state: StateDict,
    *,
    output_stride: int,
    align_corners: bool = False,
    dilations: tuple[int, ...] | None = None,
    in_index: int = 3,
) -> dict:
    """Read a ``DeepLabV3Head`` or ``DeepLabV3PlusHead`` from converted weights."""
    if not {FUSION, CLASSIFIER} <= state.keys():
        raise InputError(
            'these weights have no DeepLab v3 head: a backbone alone goes into '
            "backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    if CELL in state:
        in_channels = state[CELL].shape[0]
    else:
        in_channels = state['decode_head.aspp_modules.0.conv.weight'].shape[1]
    config = dict(
        type='DeepLabV3Head',
        in_channels=in_channels,
        in_index=in_index,
        channels=state[FUSION].shape[0],
        num_classes=state[CLASSIFIER].shape[0],
        dilations=(dilations or DILATIONS[output_stride])[
            : _count(state, 'aspp_modules')
        ],
        num_convs=_count(state, 'convs'),
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=align_corners,
        loss_decode=LOSS.copy(),
    )
    if POOL not in state or POOL_BIAS in state:
        config['image_pooling'] = dict(norm_cfg=None) if POOL in state else False
    separable = _separable(state, 'aspp_modules.1')
    if LOW_LEVEL not in state:
        return config | (dict(separable=separable) if separable else {})
    channels, inputs = state[LOW_LEVEL].shape[:2]
    return config | dict(
        type='DeepLabV3PlusHead',
        c1_in_channels=inputs,
        c1_channels=channels,
        num_aspp_convs=_count(state, 'aspp_convs'),
        separable=_separable(state, 'convs.0'),
        separable_aspp=separable,
    )


def _count(state: StateDict, name: str) -> int:
    """Count the modules of a list in the head."""
    pattern = re.compile(rf'decode_head\.{name}\.(\d+)\..+')
    return len({match[1] for match in map(pattern.fullmatch, state) if match})


def _separable(state: StateDict, name: str) -> bool | dict:
    depthwise = f'decode_head.{name}.depthwise_conv'
    if f'{depthwise}.conv.weight' not in state:
        return False
    return True if f'{depthwise}.bn.weight' in state else LINEAR_DEPTHWISE.copy()
