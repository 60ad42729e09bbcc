"""jfzhang95/pytorch-deeplab-xception: DeepLab v3+ on Xception-65 and ResNet-101.

Its MobileNetV2 dilates by a rule of its own (a stage runs wholly at the rate reached
before it, and the blocks pad like VainF's but not the stem), and its DRN has no
counterpart here: their files are refused.
"""

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, rename_modules, strip_leading
from .aspp_keys import IMAGENET_PREPROCESSOR, conv_and_norm, head_config, pool_first
from .resnet_keys import mmseg_resnet_config, resnet_modules, segmentor_config

MARKER = 'block20.rep.7.pointwise.weight'
CLASSIFIER = 'decoder.last_conv.8.weight'
RESNET = 'backbone.layer4.0.conv1.weight'
# modeling/backbone/resnet.py: factors of the last stage, which has three blocks.
MULTI_GRID = (1, 2, 4)

# Blocks 1 to 3 are the entry flow, 4 to 19 the middle one, 20 begins the exit.
BLOCKS = [f'entry.{i}' for i in range(3)] + [f'middle.{i}' for i in range(16)]
BLOCKS += ['exit.0']


def _separable(theirs: str, norm: str, ours: str) -> dict[str, str]:
    return {
        f'{theirs}.conv1': f'{ours}.depthwise_conv.conv',
        f'{theirs}.bn': f'{ours}.depthwise_conv.bn',
        f'{theirs}.pointwise': f'{ours}.pointwise_conv.conv',
        norm: f'{ours}.pointwise_conv.bn',
    }


def _xception_modules() -> dict[str, str]:
    """Map the modules inside the backbone to those of :class:`JFZhang95Xception`."""
    modules = {
        f'{kind}{i}': f'conv{i}.{kind}' for kind in ('conv', 'bn') for i in (1, 2)
    }
    for number, block in enumerate(BLOCKS, start=1):
        modules[f'block{number}.skip'] = f'{block}.shortcut.conv'
        modules[f'block{number}.skipbn'] = f'{block}.shortcut.bn'
        # `rep` holds ReLU, convolution, BatchNorm in turns, without the first ReLU in
        # blocks 1 and 2.
        for place in range(9):
            unit = f'block{number}.rep.{place}'
            modules |= _separable(unit, unit, f'{block}.convs.{place // 3}')
    for i in range(3):
        modules |= _separable(f'conv{i + 3}', f'bn{i + 3}', f'exit.1.convs.{i}')
    return modules


XCEPTION_MODULES = _xception_modules()
HEAD = {f'aspp.aspp{i + 1}.atrous_conv': f'aspp_modules.{i}.conv' for i in range(4)}
HEAD |= {f'aspp.aspp{i + 1}.bn': f'aspp_modules.{i}.bn' for i in range(4)}
HEAD |= conv_and_norm(
    {
        'aspp.global_avg_pool.1': 'image_pool.1',
        'decoder.last_conv.0': 'convs.0',
        'decoder.last_conv.4': 'convs.1',
    }
)
HEAD |= {
    'aspp.conv1': 'bottleneck.conv',
    'aspp.bn1': 'bottleneck.bn',
    'decoder.conv1': 'c1_bottleneck.conv',
    'decoder.bn1': 'c1_bottleneck.bn',
    'decoder.last_conv.8': 'conv_seg',
}


def knows(state: StateDict) -> bool:
    return any(key.endswith((MARKER, CLASSIFIER)) for key in state)


def convert(state: StateDict) -> StateDict:
    state = strip_leading(state, CLASSIFIER)
    for sign, name in (('low_level_features', 'MobileNetV2'), ('layer0', 'DRN')):
        if any(key.startswith(f'backbone.{sign}.') for key in state):
            raise InputError(
                f'this file of jfzhang95 is a DeepLab on its {name}, which no backbone '
                'here reproduces; known are its Xception and ResNet-101'
            )
    modules = {theirs: f'decode_head.{ours}' for theirs, ours in HEAD.items()}
    if RESNET in state:
        modules |= resnet_modules('backbone.')
    else:
        modules |= {
            f'backbone.{k}': f'backbone.{v}' for k, v in XCEPTION_MODULES.items()
        }
    return pool_first(rename_modules(state, modules, source='jfzhang95'))


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor of converted weights, trained at output stride 16."""
    backbone = dict(
        type='JFZhang95Xception',
        depth=65,
        output_stride=output_stride,
        norm_cfg=dict(type='BN'),  # PyTorch's epsilon, not TF's
    )
    if RESNET in state:
        backbone = mmseg_resnet_config(
            state,
            output_stride=output_stride,
            contract_dilation=False,
            multi_grid=MULTI_GRID,
        )
    head = head_config(state, output_stride=output_stride, align_corners=True)
    return segmentor_config(backbone, head, data_preprocessor=IMAGENET_PREPROCESSOR)
