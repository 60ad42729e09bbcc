"""What the state dict of a dilated bottleneck ResNet tells of its configuration."""

import re
from fractions import Fraction

from mmseg_deeplab.checkpoints.state_dicts import StateDict
from mmseg_deeplab.ops.geometry import scaled_rates, stage_geometry

PART = r'(conv1|bn1|layer[1-4]\.\d+\.(conv[123]|bn[123]|downsample\.[01]))'
TENSOR = r'(weight|bias|running_mean|running_var|num_batches_tracked)'
BACKBONE_KEY = re.compile(rf'{PART}\.{TENSOR}')

PYRAMID_RATES = (6, 12, 18, 24)  # ASPP-L of DeepLab v2, output stride 8

DEPTH_OF_BLOCKS = {
    (2, 2, 2, 2): 26,
    (3, 4, 6, 3): 50,
    (3, 4, 23, 3): 101,
    (3, 8, 36, 3): 152,
}

# Caffe release of DeepLab v2, train.prototxt: BGR minus the ImageNet mean, no scaling.
CAFFE_PREPROCESSOR = dict(
    type='SegDataPreProcessor',
    mean=[104.008, 116.669, 122.675],
    std=[1.0, 1.0, 1.0],
    bgr_to_rgb=False,
    pad_val=0,
    seg_pad_val=255,
)


def fold_stem_bias(state: StateDict) -> StateDict:
    """Move the bias of the stem's convolution into the mean of its BatchNorm: exact.

    MSRA's Caffe files, and what other projects made of them, have ``conv1.bias``.
    """
    bias = state.pop('conv1.bias', None)
    if bias is not None:
        state['bn1.running_mean'] = state['bn1.running_mean'] - bias
    return state


def backbone_config(
    state: StateDict,
    *,
    output_stride: int,
    multi_grid: tuple[int, ...] | None = None,
    frozen_bn: str = 'all',
) -> dict:
    """Read depth and width of a ``ResNetMulti`` off converted weights.

    Raises:
        ValueError: If the numbers of blocks are those of no known depth.
    """
    return dict(
        type='ResNetMulti',
        depth=depth_of(state),
        in_channels=state['backbone.conv1.weight'].shape[1],
        base_channels=state['backbone.conv1.weight'].shape[0],
        output_stride=output_stride,
        multi_grid=multi_grid,
        frozen_bn=frozen_bn,
    )


def host_resnet_config(
    state: StateDict,
    *,
    output_stride: int,
    contract_dilation: bool = True,
    multi_grid: tuple[int, ...] | None = None,
) -> dict:
    """Read the host's ``ResNet`` off converted weights: stride in the 3x3, floor pool.

    Args:
        state: Converted weights.
        output_stride: Decides strides and dilations.
        contract_dilation: The first block of a dilated stage keeps the rate so far, as
            ``replace_stride_with_dilation`` of torchvision does.
        multi_grid: Factors of the last stage's rate; the host is given their product.

    Raises:
        ValueError: If the numbers of blocks are those of no known depth, or of 26.
    """
    depth = depth_of(state)
    if depth == 26:
        raise ValueError(
            "blocks per stage (2, 2, 2, 2) are those of a ResNet-18, or 26: MMSeg's "
            'ResNet with bottlenecks has 50, 101 or 152 layers'
        )
    strides, dilations = stage_geometry(output_stride)
    return dict(
        type='ResNet',
        depth=depth,
        stem_channels=state['backbone.conv1.weight'].shape[0],
        base_channels=state['backbone.conv1.weight'].shape[0],
        strides=strides,
        dilations=dilations,
        contract_dilation=contract_dilation,
        multi_grid=multi_grid and tuple(dilations[-1] * rate for rate in multi_grid),
        out_indices=(0, 1, 2, 3),
    )


def depth_of(state: StateDict) -> int:
    """Return the depth of a bottleneck ResNet by its numbers of blocks.

    Raises:
        ValueError: If they are those of no known depth.
    """
    pattern = re.compile(r'backbone\.layer(\d)\.(\d+)\.conv1\.weight')
    found = [match.groups() for match in map(pattern.fullmatch, state) if match]
    blocks = tuple(sum(stage == str(i) for stage, _ in found) for i in range(1, 5))
    if blocks not in DEPTH_OF_BLOCKS:
        raise ValueError(
            f'blocks per stage must be one of {sorted(DEPTH_OF_BLOCKS)}, found {blocks}'
        )
    return DEPTH_OF_BLOCKS[blocks]


def classifier_config(
    state: StateDict,
    head: str,
    *,
    output_stride: int,
    align_corners: bool,
    num_summed: int | None,
) -> dict:
    """Read a ``ClassifierModule`` off converted weights under the name ``head``.

    The rates are not in the weights: 6, 12, 18, 24 at output stride 8, as every
    published model has them, or the first of these when there are fewer branches.

    Raises:
        ValueError: If there is no such head, no rates are known for its branches, or
            they have no whole value at this output stride.
    """
    pattern = re.compile(rf'{head}\.conv2d_list\.(\d+)\.weight')
    branches = [key for key in state if pattern.fullmatch(key)]
    if not 1 <= len(branches) <= 4:
        raise ValueError(
            f'a DeepLab v2 model has 1 to 4 classifiers under {head}.conv2d_list, '
            f'found {len(branches)}: these weights are a backbone alone, or another net'
        )
    num_classes, in_channels = state[branches[0]].shape[:2]
    stage = next(i for i in (3, 2, 1, 0) if in_channels == stage_channels(state, i))
    return dict(
        type='ClassifierModule',
        in_channels=in_channels,
        in_index=stage,
        num_classes=num_classes,
        dilations=scaled_rates(
            PYRAMID_RATES[: len(branches)],
            Fraction(8, output_stride),
            owner='ClassifierModule',
        ),
        num_summed=num_summed,
        align_corners=align_corners,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )


def stage_channels(state: StateDict, stage: int) -> int:
    """Return the output channels of a stage, counted from 0, of converted weights."""
    return state[f'backbone.layer{stage + 1}.0.conv3.weight'].shape[0]


def segmentor_config(
    backbone: dict,
    decode_head: dict,
    *,
    data_preprocessor: dict = CAFFE_PREPROCESSOR,
    **others: dict,
) -> dict:
    """Put a backbone and heads together as the host's ``EncoderDecoder``."""
    return dict(
        type='EncoderDecoder',
        data_preprocessor=data_preprocessor.copy(),
        backbone=backbone,
        decode_head=decode_head,
        **others,
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )
