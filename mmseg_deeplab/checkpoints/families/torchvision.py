"""torchvision: DeepLab v3 networks, and image classifiers as initial weights."""

import re
from collections.abc import Callable

from mmseg_deeplab.checkpoints.state_dicts import (
    StateDict,
    drop,
    map_keys,
    strip_leading,
)

from .aspp_keys import (
    IMAGENET_PREPROCESSOR,
    head_config,
    pool_first,
    torchvision_pyramid,
)
from .resnet_keys import BACKBONE_KEY, host_resnet_config, segmentor_config

SEGMENTOR = 'classifier.4.weight'
RESNET = 'layer4.0.conv1.weight'
MOBILENET = 'features.1.block.0.0.weight'

STRIDE_NOTE = (
    'torchvision puts the stride of a stage into the 3x3 convolution, ResNetMulti (as '
    'Caffe) into the first 1x1, and these weights expect RGB divided by a standard '
    'deviation: they load, but the strided blocks see other samples than in their '
    'pre-training. Good for fine-tuning with trained BatchNorm (frozen_bn="none"); '
    "with frozen statistics prefer a Caffe-style file or MMSeg's ResNet"
)

HEADS = {
    theirs: f'decode_head.{ours}'
    for theirs, ours in torchvision_pyramid('classifier.0').items()
} | {
    'classifier.1': 'decode_head.convs.0.conv',
    'classifier.2': 'decode_head.convs.0.bn',
    'classifier.4': 'decode_head.conv_seg',
    'aux_classifier.0': 'auxiliary_head.convs.0.conv',
    'aux_classifier.1': 'auxiliary_head.convs.0.bn',
    'aux_classifier.4': 'auxiliary_head.conv_seg',
}
AUXILIARY = 'auxiliary_head.convs.0.conv.weight'
# models/segmentation/deeplabv3.py: (12, 24, 36), on ResNet at output stride 8 and on
# MobileNetV3 at 16.
MOBILENET_DILATIONS = {8: (1, 24, 48, 72), 16: (1, 12, 24, 36), 32: (1, 6, 12, 18)}

MOBILENET_LAYER = re.compile(r'(\d+)\.([01])\.(\w+)')
MOBILENET_UNIT = re.compile(r'(\d+)\.block\.(\d)\.(\w+)\.(\w+)')
MOBILENET_UNITS = ('expand_conv', 'depthwise_conv', 'linear_conv')
KINDS = {'0': 'conv', '1': 'bn'}
SQUEEZE = {'fc1': 'se.conv1.conv', 'fc2': 'se.conv2.conv'}


def knows(state: StateDict) -> bool:
    """Tell whether these are weights of torchvision, by names that no other has."""
    segmentor = 'classifier.0.project.0.weight' in state
    return segmentor or MOBILENET in state or {'fc.weight', RESNET} <= state.keys()


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*``, ``decode_head.*`` and ``auxiliary_head.*``.

    Of image classifiers (ResNet, MobileNetV3; both generations of weights) the
    classifier is left out, and the log says so.
    """
    state = strip_leading(state, SEGMENTOR)
    if SEGMENTOR in state:
        return pool_first(_rename(state, 'backbone.'))
    state = strip_leading(strip_leading(state, RESNET), MOBILENET)
    if MOBILENET in state:
        classifier = [key for key in state if key.startswith('classifier.')]
        state = drop(state, classifier, why='the image classifier')
        return _rename(state, 'features.')
    state = drop(state, ['fc.weight', 'fc.bias'], why='the image classifier')
    return _rename(state, '')


def _rename(state: StateDict, prefix: str) -> StateDict:
    mobilenet = mobilenet_names(state, prefix)

    def rename(key: str) -> str | None:
        module, _, tensor = key.rpartition('.')
        if module in HEADS:
            return f'{HEADS[module]}.{tensor}'
        own = key.removeprefix(prefix)
        if not key.startswith(prefix):
            return None
        name = own if BACKBONE_KEY.fullmatch(own) else mobilenet(own)
        return name and f'backbone.{name}'

    return map_keys(state, rename, source='torchvision')


def mobilenet_names(state: StateDict, prefix: str) -> Callable[[str], str | None]:
    """Return the renaming of MobileNetV3's tensors to the host's names.

    Blocks without expansion or squeeze-and-excitation count their units from another
    start, so that the unit is told by its place among the convolutions.
    """
    places = {}
    for key in state:
        match = MOBILENET_UNIT.fullmatch(key.removeprefix(prefix))
        if match and match[3] == '0':
            places.setdefault(match[1], []).append(match[2])
    units = {
        (layer, place): unit
        for layer, own in places.items()
        for place, unit in zip(sorted(own), MOBILENET_UNITS[-len(own) :], strict=True)
    }

    def rename(key: str) -> str | None:
        if match := MOBILENET_LAYER.fullmatch(key):
            return f'layer{match[1]}.{KINDS[match[2]]}.{match[3]}'
        if not (match := MOBILENET_UNIT.fullmatch(key)):
            return None
        layer, place, kind, tensor = match.groups()
        if kind in SQUEEZE:
            return f'layer{layer}.{SQUEEZE[kind]}.{tensor}'
        unit = units.get((layer, place))
        known = unit and kind in KINDS
        return f'layer{layer}.{unit}.{KINDS[kind]}.{tensor}' if known else None

    return rename


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: Weights of one of torchvision's DeepLab v3 networks, or converted ones.
        output_stride: ResNets are trained at 8, MobileNetV3 at 16.

    Raises:
        ValueError: If the weights are those of an image classifier.
    """
    if not any(key.startswith('backbone.') for key in state) or SEGMENTOR in state:
        state = convert(state)
    if not any(key.startswith('decode_head.') for key in state):
        raise ValueError(
            f'these {len(state)} torchvision tensors are an image classifier: use them '
            "as backbone.init_cfg=dict(type='Pretrained', checkpoint=...), received "
            f'output_stride={output_stride}'
        )
    mobilenet = 'backbone.layer0.conv.weight' in state
    build = _mobilenet_config if mobilenet else _resnet_config
    backbone, head = build(state, output_stride)
    heads = dict(decode_head=head)
    if AUXILIARY in state:
        heads['auxiliary_head'] = auxiliary_config(
            state, in_index=0 if mobilenet else 2
        )
    return segmentor_config(backbone, **heads, data_preprocessor=IMAGENET_PREPROCESSOR)


def _resnet_config(state: StateDict, output_stride: int) -> tuple[dict, dict]:
    backbone = host_resnet_config(state, output_stride=output_stride)
    return backbone, head_config(state, output_stride=output_stride)


def _mobilenet_config(state: StateDict, output_stride: int) -> tuple[dict, dict]:
    """The auxiliary head reads the first block of stride 8, layer 4."""
    large = 'backbone.layer16.conv.weight' in state
    backbone = dict(
        type='DeepLabMobileNetV3',
        arch='large' if large else 'small',
        output_stride=output_stride,
        out_indices=(4, 16) if large else (2, 12),
    )
    head = head_config(
        state,
        output_stride=output_stride,
        dilations=MOBILENET_DILATIONS[output_stride],
        in_index=1,
    )
    return backbone, head


def auxiliary_config(state: StateDict, *, in_index: int) -> dict:
    """Read the host's ``FCNHead`` off converted weights."""
    channels, in_channels = state[AUXILIARY].shape[:2]
    return dict(
        type='FCNHead',
        in_channels=in_channels,
        in_index=in_index,
        channels=channels,
        num_classes=state['auxiliary_head.conv_seg.weight'].shape[0],
        num_convs=1,
        concat_input=False,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        # references/segmentation/train.py of torchvision weighs it by a half.
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True, loss_weight=0.5),
    )
