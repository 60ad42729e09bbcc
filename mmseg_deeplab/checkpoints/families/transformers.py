"""transformers: DeepLab v3 on MobileNetV2, MobileViT and MobileViTV2.

MobileNetV2 has TensorFlow's weights; with ``tf_padding`` its convolutions pad as
TensorFlow's, which at multiples of the output stride plus 1, such as 513, is what
:class:`DeepLabMobileNetV2` does. The MobileViTs are timm's networks here.
"""

import torch

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, drop, rename_modules, strip_leading
from .aspp_keys import head_config, pool_first
from .mobilenet_keys import MOBILENET_BLOCKS, block_units
from .resnet_keys import PREPROCESSOR, segmentor_config
from .tensorflow import BACKBONE_NORM, HEAD_NORM, ZERO_MEAN_PREPROCESSOR

MARKER = 'segmentation_head.classifier.convolution.weight'
VIT = 'backbone.timm_model'
# Channels of the last stage: MobileViT (https://arxiv.org/abs/2110.02178), table 4.
VIT_NAMES = {80: 'mobilevit_xxs', 96: 'mobilevit_xs', 160: 'mobilevit_s'}
V2_CHANNELS = 512  # of the last stage of MobileViTV2 at width 1
LAST = f'{VIT}.stages_4.1.conv_kxk.conv.weight'
V2_MARKER = f'{VIT}.stages_4.1.transformer.0.attn.qkv_proj.weight'
# MobileViTImageProcessor: BGR divided by 255, no mean.
VIT_PREPROCESSOR = PREPROCESSOR | dict(
    mean=[0.0] * 3, std=[255.0] * 3, bgr_to_rgb=False
)

HEAD = {
    'conv_pool': 'image_pool.1',
    'conv_aspp': 'aspp_modules.0',
    'conv_projection': 'bottleneck',
    'aspp.convs.4.conv_1x1': 'image_pool.1',
    'aspp.project': 'bottleneck',
}
HEAD |= {f'aspp.convs.{i}': f'aspp_modules.{i}' for i in range(4)}
MOBILENET_UNITS = ('expand_1x1', 'conv_3x3', 'reduce_1x1')
VIT_UNITS = dict(
    zip(MOBILENET_UNITS, ('conv1_1x1', 'conv2_kxk', 'conv3_1x1'), strict=True)
)
VIT_BLOCK = {
    'conv_kxk': 'conv_kxk',
    'conv_projection': 'conv_proj',
    'fusion': 'conv_fusion',
}
VIT_LAYER = {
    'layernorm_before': 'norm1',
    'layernorm_after': 'norm2',
    'attention.attention.qkv': 'attn.qkv',
    'attention.output.dense': 'attn.proj',
    'intermediate.dense': 'mlp.fc1',
    'output.dense': 'mlp.fc2',
    # MobileViTV2
    'attention.qkv_proj.convolution': 'attn.qkv_proj',
    'attention.out_proj.convolution': 'attn.out_proj',
    'ffn.conv1.convolution': 'mlp.fc1',
    'ffn.conv2.convolution': 'mlp.fc2',
}


def knows(state: StateDict) -> bool:
    return any(key.endswith(MARKER) for key in state)


def _unit(theirs: str, ours: str, norm: str = 'bn') -> dict[str, str]:
    return {
        f'{theirs}.convolution': f'{ours}.conv',
        f'{theirs}.normalization': f'{ours}.{norm}',
    }


def _mobilenet_modules() -> dict[str, str]:
    stem = 'mobilenet_v2.conv_stem'
    modules = _unit(f'{stem}.first_conv', 'backbone.conv1')
    for number in range(len(MOBILENET_BLOCKS)):
        block = f'mobilenet_v2.layer.{number - 1}' if number else stem
        units = block_units(number)
        for theirs, ours in zip(MOBILENET_UNITS[-len(units) :], units, strict=True):
            modules |= _unit(f'{block}.{theirs}', ours)
    return modules


def _vit_modules(name: str) -> dict[str, str]:
    """Map a MobileViT, called ``name``, to timm's; its norms are ``NormAct``."""
    modules = _unit(f'{name}.conv_stem', f'{VIT}.stem', 'bn.0')
    for stage in range(5):
        theirs, ours = f'{name}.encoder.layer.{stage}', f'{VIT}.stages_{stage}'
        places = {f'layer.{i}': i for i in range(3)} | {'downsampling_layer': 0}
        for place, block in places.items():
            for one, other in VIT_UNITS.items():
                unit = f'{ours}.{block}.{other}'
                modules |= _unit(f'{theirs}.{place}.{one}', unit, 'bn.0')
        for one, other in VIT_BLOCK.items():
            modules |= _unit(f'{theirs}.{one}', f'{ours}.1.{other}', 'bn.0')
        modules[f'{theirs}.conv_1x1.convolution'] = f'{ours}.1.conv_1x1'
        modules[f'{theirs}.layernorm'] = f'{ours}.1.norm'
        for i in range(4):
            layer = f'{theirs}.transformer.layer.{i}'
            for one, other in VIT_LAYER.items():
                modules[f'{layer}.{one}'] = f'{ours}.1.transformer.{i}.{other}'
    return modules


def _modules() -> dict[str, str]:
    modules = _mobilenet_modules()
    for name in ('mobilevit', 'mobilevitv2'):
        modules |= _vit_modules(name)
    for theirs, ours in HEAD.items():
        modules |= _unit(f'segmentation_head.{theirs}', f'decode_head.{ours}')
    name = 'segmentation_head.classifier.convolution'
    return modules | {name: 'decode_head.conv_seg'}


MODULES = _modules()


def convert(state: StateDict) -> StateDict:
    state = strip_leading(state, MARKER)
    unused = [key for key in state if key.startswith('mobilenet_v2.conv_1x1.')]
    state = drop(state, unused, why='the last one of the image classifier')
    for key in [key for key in state if '.attention.query.' in key]:
        parts = [state.pop(key.replace('query', k)) for k in ('query', 'key', 'value')]
        state[key.replace('query', 'qkv')] = torch.cat(parts)
    is_vit = any(key.startswith('mobilevit') for key in state)
    state = rename_modules(state, MODULES, source='transformers')
    return pool_first(state) if is_vit else state


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor; MobileNetV2 is trained at stride 8, MobileViT at 16."""
    head = head_config(
        state, output_stride=output_stride, align_corners=LAST not in state
    )
    if LAST in state:
        backbone = dict(type='DeepLabMobileViT', model_name=_vit_name(state))
        backbone['output_stride'] = output_stride
        return segmentor_config(backbone, head, data_preprocessor=VIT_PREPROCESSOR)
    last = state['backbone.layer7.0.conv.2.conv.weight']
    backbone = dict(
        type='DeepLabMobileNetV2',
        widen_factor=last.shape[0] / 320,
        divisor=8,
        output_stride=output_stride,
        norm_cfg=BACKBONE_NORM.copy(),
    )
    return segmentor_config(
        backbone,
        head | dict(norm_cfg=HEAD_NORM.copy()),
        data_preprocessor=ZERO_MEAN_PREPROCESSOR,
    )


def _vit_name(state: StateDict) -> str:
    channels = state[LAST].shape[0]
    if V2_MARKER in state:
        return f'mobilevitv2_{100 * channels // V2_CHANNELS:03d}'
    if channels not in VIT_NAMES:
        raise InputError(
            f'the last stage of MobileViT has {sorted(VIT_NAMES)} channels, found '
            f'{channels}: a network of a width of its own'
        )
    return VIT_NAMES[channels]
