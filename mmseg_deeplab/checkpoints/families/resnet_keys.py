"""Dilated bottleneck ResNets: their modules, and what shapes tell about them."""

import re
from fractions import Fraction

from mmseg_deeplab.ops.geometry import scaled_rates, stage_geometry
from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict

MAX_BLOCKS = 36  # of a stage, in ResNet-152
BLOCK_MODULES = [f'{kind}{i}' for kind in ('conv', 'bn') for i in (1, 2, 3)]
BLOCK_MODULES += ['downsample.0', 'downsample.1']
# Names of all modules, which torchvision, the deeplabv2.py lineage and MMSeg share.
RESNET_MODULES = ['conv1', 'bn1'] + [
    f'layer{stage}.{block}.{module}'
    for stage in (1, 2, 3, 4)
    for block in range(MAX_BLOCKS)
    for module in BLOCK_MODULES
]

PYRAMID_RATES = (6, 12, 18, 24)  # ASPP-L of DeepLab v2, output stride 8

DEEP_STEM = 'backbone.stem.6.weight'  # the last of three 3x3 instead of one 7x7

DEPTH_OF_BLOCKS = {
    (2, 2, 2, 2): 26,
    (3, 4, 6, 3): 50,
    (3, 4, 23, 3): 101,
    (3, 8, 36, 3): 152,
}

BOTTLENECK = 'backbone.layer1.0.conv3.weight'
DEPTH_OF_BASIC_BLOCKS = {(2, 2, 2, 2): 18, (3, 4, 6, 3): 34}

LOSS = dict(type='CrossEntropyLoss', avg_non_ignore=True)
PREPROCESSOR = dict(
    type='SegDataPreProcessor', bgr_to_rgb=True, pad_val=0, seg_pad_val=255
)
# Caffe release of DeepLab v2, train.prototxt: BGR minus the ImageNet mean, no scaling.
CAFFE_PREPROCESSOR = PREPROCESSOR | dict(
    mean=[104.008, 116.669, 122.675], std=[1.0, 1.0, 1.0], bgr_to_rgb=False
)


def resnet_modules(prefix: str = '') -> dict[str, str]:
    """Map the names of a ResNet, after ``prefix``, to those in our ``backbone``."""
    return {f'{prefix}{module}': f'backbone.{module}' for module in RESNET_MODULES}


def fold_stem_bias(state: StateDict) -> StateDict:
    """Move the stem's bias, as in MSRA's Caffe files, into its BatchNorm: exact."""
    bias = state.pop('conv1.bias', None)
    if bias is not None:
        state['bn1.running_mean'] = state['bn1.running_mean'] - bias
    return state


def depth_of(state: StateDict) -> int:
    """Return the depth of a ResNet by its numbers of blocks."""
    pattern = re.compile(r'backbone\.layer(\d)\.(\d+)\.conv1\.weight')
    found = [match.groups() for match in map(pattern.fullmatch, state) if match]
    blocks = tuple(sum(stage == str(i) for stage, _ in found) for i in range(1, 5))
    depths = DEPTH_OF_BLOCKS if BOTTLENECK in state else DEPTH_OF_BASIC_BLOCKS
    if blocks not in depths:
        raise InputError(
            f'blocks per stage must be one of {sorted(depths)}, found {blocks}'
        )
    return depths[blocks]


def resnet_multi_config(
    state: StateDict,
    *,
    output_stride: int,
    multi_grid: tuple[int, ...] | None = None,
    frozen_bn: str = 'all',
) -> dict:
    """Read depth and width of a ``ResNetMulti`` from converted weights."""
    channels, in_channels = state['backbone.conv1.weight'].shape[:2]
    return dict(
        type='ResNetMulti',
        depth=depth_of(state),
        in_channels=in_channels,
        base_channels=channels,
        output_stride=output_stride,
        multi_grid=multi_grid,
        frozen_bn=frozen_bn,
    )


def mmseg_resnet_config(
    state: StateDict,
    *,
    output_stride: int,
    contract_dilation: bool = True,
    multi_grid: tuple[int, ...] | None = None,
) -> dict:
    """Read MMSeg's ``ResNet`` from converted weights: stride in the 3x3, floor pool.

    With ``contract_dilation`` the first block of a dilated stage keeps the rate so far,
    as with torchvision's ``replace_stride_with_dilation``. ``multi_grid`` holds factors
    of the last stage's rate; the config holds their products.
    """
    depth = depth_of(state)
    if depth == 26:
        raise InputError(
            "blocks per stage (2, 2, 2, 2) are those of a ResNet-26: MMSeg's ResNet "
            'with bottlenecks has 50, 101 or 152 layers'
        )
    if contract_dilation and BOTTLENECK not in state:  # torchvision refuses it, too
        raise InputError(
            f'a ResNet-{depth}, whose blocks this code base cannot dilate: known are '
            'those of 50, 101 or 152 layers'
        )
    deep = DEEP_STEM in state
    stem = state[DEEP_STEM if deep else 'backbone.conv1.weight']
    strides, dilations = stage_geometry(output_stride)
    plain = 'ResNet' if BOTTLENECK in state else 'DilatedResNet'
    return dict(
        type='ResNetV1c' if deep else plain,
        depth=depth,
        stem_channels=stem.shape[0],
        base_channels=state['backbone.layer1.0.conv1.weight'].shape[0],
        strides=strides,
        dilations=dilations,
        contract_dilation=contract_dilation,
        multi_grid=multi_grid and tuple(dilations[-1] * rate for rate in multi_grid),
        out_indices=(0, 1, 2, 3),
    )


def classifier_config(
    state: StateDict,
    head: str = 'decode_head',
    *,
    output_stride: int,
    align_corners: bool,
    num_summed: int | None = None,
) -> dict:
    """Read a ``ClassifierModule`` from converted weights under the name ``head``.

    The rates are not in the weights: 6, 12, 18, 24 at output stride 8, as every
    published model has them, or the first of these when there are fewer branches.
    """
    pattern = re.compile(rf'{head}\.conv2d_list\.(\d+)\.weight')
    branches = [key for key in state if pattern.fullmatch(key)]
    if not 1 <= len(branches) <= 4:
        raise InputError(
            f'a DeepLab v2 model has 1 to 4 classifiers under {head}.conv2d_list, '
            f'found {len(branches)}: these weights are a backbone alone, or another net'
        )
    num_classes, in_channels = state[branches[0]].shape[:2]
    widths = [state[f'backbone.layer{i}.0.conv3.weight'].shape[0] for i in range(1, 5)]
    return dict(
        type='ClassifierModule',
        in_channels=in_channels,
        in_index=widths.index(in_channels),
        num_classes=num_classes,
        dilations=scaled_rates(
            PYRAMID_RATES[: len(branches)],
            Fraction(8, output_stride),
            owner='ClassifierModule',
        ),
        num_summed=num_summed,
        align_corners=align_corners,
        loss_decode=LOSS.copy(),
    )


def segmentor_config(
    backbone: dict,
    decode_head: dict,
    *,
    data_preprocessor: dict = CAFFE_PREPROCESSOR,
    **others: dict,
) -> dict:
    """Put a backbone and heads together as MMSeg's ``EncoderDecoder``."""
    return dict(
        type='EncoderDecoder',
        data_preprocessor=data_preprocessor.copy(),
        backbone=backbone,
        decode_head=decode_head,
        **others,
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )
