"""torchvision: DeepLab v3 networks, and image classifiers as initial weights."""

import re
from collections import defaultdict

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, drop, rename_modules, strip_leading
from .aspp_keys import (
    IMAGENET_PREPROCESSOR,
    conv_and_norm,
    head_config,
    pool_first,
    torchvision_pyramid,
)
from .resnet_keys import LOSS, mmseg_resnet_config, resnet_modules, segmentor_config

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
}
HEADS |= conv_and_norm(
    {
        'classifier.1': 'decode_head.convs.0',
        'aux_classifier.0': 'auxiliary_head.convs.0',
    }
)
HEADS |= {
    'classifier.4': 'decode_head.conv_seg',
    'aux_classifier.4': 'auxiliary_head.conv_seg',
}
AUXILIARY = 'auxiliary_head.convs.0.conv.weight'
# models/segmentation/deeplabv3.py: (12, 24, 36), on ResNet at output stride 8 and on
# MobileNetV3 at 16.
MOBILENET_DILATIONS = {8: (1, 24, 48, 72), 16: (1, 12, 24, 36), 32: (1, 6, 12, 18)}
MOBILENET_UNITS = ('expand_conv', 'depthwise_conv', 'linear_conv')


def knows(state: StateDict) -> bool:
    segmentor = 'classifier.0.project.0.weight' in state
    return segmentor or MOBILENET in state or {'fc.weight', RESNET} <= state.keys()


def convert(state: StateDict) -> StateDict:
    """Rename networks, and image classifiers without their last layers."""
    state = strip_leading(state, SEGMENTOR)
    if SEGMENTOR in state:
        modules = HEADS | resnet_modules('backbone.')
        modules |= mobilenet_modules(state, 'backbone.')
        return pool_first(rename_modules(state, modules, source='torchvision'))
    state = strip_leading(state, RESNET, MOBILENET)
    classifier = [key for key in state if key.startswith(('classifier.', 'fc.'))]
    state = drop(state, classifier, why='the image classifier')
    modules = resnet_modules() | mobilenet_modules(state, 'features.')
    return rename_modules(state, modules, source='torchvision')


def mobilenet_modules(state: StateDict, prefix: str) -> dict[str, str]:
    """Map MobileNetV3's modules, after ``prefix``, to MMSeg's.

    A unit is told by its place among the convolutions: blocks without expansion or
    squeeze-and-excitation count their units from another start.
    """
    places = defaultdict(list)
    for key in state:
        own = key.removeprefix(prefix)
        if match := re.fullmatch(r'(\d+)\.block\.(\d)\.0\.weight', own):
            places[match[1]].append(match[2])
    units = {f'{prefix}{layer}.0': f'backbone.layer{layer}' for layer in range(17)}
    modules = {}
    for layer, own in places.items():
        block, ours = f'{prefix}{layer}.block', f'backbone.layer{layer}'
        names = MOBILENET_UNITS[-len(own) :]
        for place, name in zip(sorted(own), names, strict=True):
            units[f'{block}.{place}.0'] = f'{ours}.{name}'
        for place in range(4):
            for i in (1, 2):
                modules[f'{block}.{place}.fc{i}'] = f'{ours}.se.conv{i}.conv'
    return modules | conv_and_norm(units)


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor; ResNets are trained at stride 8, MobileNetV3 at 16."""
    if not any(key.startswith('decode_head.') for key in state):
        raise InputError(
            f'these {len(state)} torchvision tensors are an image classifier: use them '
            "as backbone.init_cfg=dict(type='Pretrained', checkpoint=...), received "
            f'output_stride={output_stride}'
        )
    auxiliary_index, head_options = 2, {}
    if 'backbone.layer0.conv.weight' in state:
        large = 'backbone.layer16.conv.weight' in state
        backbone = dict(
            type='DeepLabMobileNetV3',
            arch='large' if large else 'small',
            output_stride=output_stride,
            # The auxiliary head reads the first block of stride 8.
            out_indices=(4, 16) if large else (2, 12),
        )
        auxiliary_index = 0
        head_options = dict(dilations=MOBILENET_DILATIONS[output_stride], in_index=1)
    else:
        backbone = mmseg_resnet_config(state, output_stride=output_stride)
    heads = dict(
        decode_head=head_config(state, output_stride=output_stride, **head_options)
    )
    if AUXILIARY in state:
        channels, in_channels = state[AUXILIARY].shape[:2]
        heads['auxiliary_head'] = dict(
            type='FCNHead',
            in_channels=in_channels,
            in_index=auxiliary_index,
            channels=channels,
            num_classes=state['auxiliary_head.conv_seg.weight'].shape[0],
            num_convs=1,
            concat_input=False,
            norm_cfg=dict(type='BN', requires_grad=True),
            align_corners=False,
            # references/segmentation/train.py of torchvision weighs it by a half.
            loss_decode=LOSS | dict(loss_weight=0.5),
        )
    return segmentor_config(backbone, **heads, data_preprocessor=IMAGENET_PREPROCESSOR)
