"""The TensorFlow model zoo (research/deeplab): Xception-41/65/71 and MobileNetV2.

Names of research/deeplab/model.py and core/xception.py, and of
research/slim/nets/mobilenet; convolutions are stored as height, width, input, output.
"""

import logging
import re

from mmengine.logging import print_log
from torch import Tensor

from mmseg_deeplab.checkpoints.state_dicts import StateDict, drop, map_keys, some

from .aspp_keys import DILATIONS
from .resnet_keys import segmentor_config

# Endings of what an optimizer keeps beside a variable.
AVERAGE = 'ExponentialMovingAverage'
SLOT = re.compile(rf'.+/({AVERAGE}|Momentum|Adam|Adam_1|RMSProp|RMSProp_1|Adagrad)$')
COUNTER = re.compile(r'(global_step|beta[12]_power)$')
# Layers of the ImageNet classifiers that segmentation does without.
CLASSIFIER = re.compile(r'(xception_\d\d/logits|MobilenetV2/(Conv_1|Logits))/.+')

TENSORS = {
    'weights': 'conv.weight',
    'depthwise_weights': 'conv.weight',
    'BatchNorm/gamma': 'bn.weight',
    'BatchNorm/beta': 'bn.bias',
    'BatchNorm/moving_mean': 'bn.running_mean',
    'BatchNorm/moving_variance': 'bn.running_var',
}
TENSOR = '|'.join(TENSORS)

XCEPTION_STEM = re.compile(rf'xception_\d\d/entry_flow/conv1_([12])/({TENSOR})')
XCEPTION_UNIT = re.compile(
    r'xception_\d\d/(entry|middle|exit)_flow/block(\d)/unit_(\d+)/xception_module/'
    rf'(shortcut|separable_conv([123])_(depthwise|pointwise))/({TENSOR})'
)
MOBILENET_UNIT = re.compile(
    rf'MobilenetV2/expanded_conv(?:_(\d+))?/(expand|depthwise|project)/({TENSOR})'
)
# Blocks per stage of MobileNetV2 (its paper, table 2).
MOBILENET_BLOCKS = (1, 2, 3, 4, 3, 3, 1)
MOBILENET_MARKER = 'backbone.layer1.0.conv.0.conv.weight'

HEAD = re.compile(
    r'(image_pooling|aspp\d+|concat_projection|decoder/feature_projection0|'
    r'decoder/decoder_conv0/decoder_conv0_[12]|decoder/decoder_conv[01])'
    rf'(?:_(depthwise|pointwise))?/({TENSOR})'
)
HEAD_LAYERS = {
    'image_pooling': 'image_pool.1',
    'concat_projection': 'bottleneck',
    'decoder/feature_projection0': 'c1_bottleneck',
    'decoder/decoder_conv0': 'convs.0',
    'decoder/decoder_conv1': 'convs.1',
    # slim.repeat, of the decoder without separable convolutions
    'decoder/decoder_conv0/decoder_conv0_1': 'convs.0',
    'decoder/decoder_conv0/decoder_conv0_2': 'convs.1',
}
SCORES = {
    'logits/semantic/weights': 'decode_head.conv_seg.weight',
    'logits/semantic/biases': 'decode_head.conv_seg.bias',
}

# research/deeplab/core/feature_extractor.py, _preprocess_zero_mean_unit_range.
PREPROCESSOR = dict(
    type='SegDataPreProcessor',
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255,
)
# `decay` 0.9997 and `epsilon` of model.py for the heads and extract_features for the
# backbones.
HEAD_NORM = dict(type='BN', eps=1e-5, momentum=3e-4, requires_grad=True)
BACKBONE_NORM = HEAD_NORM | dict(eps=1e-3)


def convert(state: StateDict, *, use_averages: bool = False) -> StateDict:
    """Rename and transpose to ``backbone.*`` and ``decode_head.*``.

    Args:
        state: What :func:`load_tensorflow` returned.
        use_averages: Take the exponential moving averages of the weights, where the
            checkpoint has them (slim's ImageNet classifiers), instead of the weights.

    Raises:
        ValueError: If it is a ResNet, or keys are left over.
    """
    _refuse_resnet(state)
    if use_averages:
        state = _averages(state)
    state = drop(
        state,
        [key for key in state if SLOT.fullmatch(key) or COUNTER.search(key)],
        why='of the optimizer',
    )
    state = drop(
        state,
        [key for key in state if CLASSIFIER.fullmatch(key)],
        why='the image classifier',
    )
    return map_keys(
        {key: _to_torch(key, value) for key, value in state.items()},
        rename,
        source='tensorflow',
    )


def rename(key: str) -> str | None:
    """Return the key here of one of theirs, None if it is not a known one."""
    if key in SCORES:
        return SCORES[key]
    if match := XCEPTION_STEM.fullmatch(key):
        return f'backbone.conv{match[1]}.{TENSORS[match[2]]}'
    if match := XCEPTION_UNIT.fullmatch(key):
        return _xception_key(*match.groups())
    if key.startswith('MobilenetV2/Conv/'):
        tensor = TENSORS.get(key.removeprefix('MobilenetV2/Conv/'))
        return tensor and f'backbone.conv1.{tensor}'
    if match := MOBILENET_UNIT.fullmatch(key):
        return _mobilenet_key(*match.groups())
    if match := HEAD.fullmatch(key):
        return _head_key(*match.groups())
    return None


def _xception_key(
    flow: str,
    block: str,
    unit: str,
    layer: str,
    position: str | None,
    part: str | None,
    tensor: str,
) -> str:
    # The middle flow is one block of many units, the others blocks of one unit.
    index = int(unit if flow == 'middle' else block) - 1
    name = layer if position is None else f'convs.{int(position) - 1}.{part}_conv'
    return f'backbone.{flow}.{index}.{name}.{TENSORS[tensor]}'


def _mobilenet_key(number: str | None, part: str, tensor: str) -> str | None:
    block, stage = int(number or 0), 0
    while block >= MOBILENET_BLOCKS[stage]:
        block, stage = block - MOBILENET_BLOCKS[stage], stage + 1
        if stage == len(MOBILENET_BLOCKS):
            return None
    # The first unit does not expand.
    parts = ['expand', 'depthwise', 'project'][number is None :]
    if part not in parts:
        return None
    layer = f'layer{stage + 1}.{block}.conv.{parts.index(part)}'
    return f'backbone.{layer}.{TENSORS[tensor]}'


def _head_key(layer: str, part: str | None, tensor: str) -> str:
    name = HEAD_LAYERS.get(layer) or f'aspp_modules.{layer.removeprefix("aspp")}'
    middle = f'{part}_conv.' if part else ''
    return f'decode_head.{name}.{middle}{TENSORS[tensor]}'


def _to_torch(key: str, value: Tensor) -> Tensor:
    """Return a variable in PyTorch's layout."""
    if value.dim() != 4:
        return value
    if key.endswith('/depthwise_weights'):  # (H, W, C, M) to (C * M, 1, H, W)
        return value.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1).contiguous()
    return value.permute(3, 2, 0, 1).contiguous()  # (H, W, C, K) to (K, C, H, W)


def _averages(state: StateDict) -> StateDict:
    """Put the moving averages in the place of the weights."""
    averages = {
        key.removesuffix(f'/{AVERAGE}'): value
        for key, value in state.items()
        if key.endswith(f'/{AVERAGE}')
    }
    if not averages:
        raise ValueError(
            'use_averages: this checkpoint has no exponential moving averages '
            f'(.../{AVERAGE}); its keys are {some(state)}'
        )
    print_log(f'{len(averages)} moving averages taken', 'current', logging.INFO)
    return state | averages


def _refuse_resnet(state: StateDict) -> None:
    keys = [key for key in state if re.match(r'resnet_v1_\d+/', key)]
    if keys:
        raise ValueError(
            "TensorFlow's ResNets are not converted: each stage has its stride in the "
            'last unit (resnet_v1_beta.py), which no ResNet here or in MMSeg has. '
            f'Found {some(keys)}'
        )


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: What :func:`load_tensorflow` returned, or converted weights.
        output_stride: 8, 16 (as trained) or 32; the pyramid's rates follow.

    Raises:
        ValueError: If it is an image classifier, or a network of no known depth.
    """
    if not any(key.startswith('backbone.') for key in state):
        state = convert(state)
    if 'decode_head.conv_seg.weight' not in state:
        raise ValueError(
            'these weights are an image classifier: convert them and use the file as '
            "backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    is_mobilenet = MOBILENET_MARKER in state
    backbone = _mobilenet_config(state) if is_mobilenet else _xception_config(state)
    return segmentor_config(
        backbone | dict(output_stride=output_stride),
        _head_config(state, output_stride=output_stride),
        data_preprocessor=PREPROCESSOR,
    )


def _xception_config(state: StateDict) -> dict:
    pattern = re.compile(r'backbone\.(entry|middle)\.(\d+)\.convs\.0\.depthwise_conv\.')
    found = {match.groups() for match in map(pattern.match, state) if match}
    blocks = tuple(
        sum(name == flow for name, _ in found) for flow in ('entry', 'middle')
    )
    depths = {(3, 8): 41, (3, 16): 65, (5, 16): 71}
    if blocks not in depths:
        raise ValueError(
            f'Xception has {sorted(depths)} blocks in entry and middle flow, found '
            f'{blocks}'
        )
    return dict(
        type='AlignedXception',
        depth=depths[blocks],
        widen_factor=state['backbone.conv1.conv.weight'].shape[0] / 32,
        norm_cfg=BACKBONE_NORM.copy(),
    )


def _mobilenet_config(state: StateDict) -> dict:
    last = state['backbone.layer7.0.conv.2.conv.weight']
    return dict(
        type='DeepLabMobileNetV2',
        widen_factor=last.shape[0] / 320,
        norm_cfg=BACKBONE_NORM.copy(),
    )


def _head_config(state: StateDict, *, output_stride: int) -> dict:
    branches = {key.split('.')[2] for key in state if '.aspp_modules.' in key}
    config = dict(
        type='DeepLabV3Head',
        in_channels=state['decode_head.aspp_modules.0.conv.weight'].shape[1],
        in_index=3,
        channels=state['decode_head.bottleneck.conv.weight'].shape[0],
        num_classes=state['decode_head.conv_seg.weight'].shape[0],
        dilations=DILATIONS[output_stride][: len(branches)],
        image_pooling='decode_head.image_pool.1.conv.weight' in state,
        separable=any('.aspp_modules.1.depthwise_conv.' in key for key in state),
        dropout_ratio=0.1,  # model.py keeps 0.9
        norm_cfg=HEAD_NORM.copy(),
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    if 'decode_head.c1_bottleneck.conv.weight' in state:
        config |= _decoder_config(state, separable_aspp=config['separable'])
    return config


def _decoder_config(state: StateDict, *, separable_aspp: bool) -> dict:
    if MOBILENET_MARKER in state:
        raise ValueError(
            'a decoder on MobileNetV2 is not converted: TensorFlow feeds it the map '
            'inside a block, before the projection'
        )
    channels, inputs = state['decode_head.c1_bottleneck.conv.weight'].shape[:2]
    convs = {key.split('.')[2] for key in state if key.startswith('decode_head.convs.')}
    return dict(
        type='DeepLabV3PlusHead',
        c1_in_channels=inputs,
        c1_channels=channels,
        num_convs=len(convs),
        separable='decode_head.convs.0.depthwise_conv.conv.weight' in state,
        separable_aspp=separable_aspp,
    )
