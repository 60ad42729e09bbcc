"""The TensorFlow model zoo (research/deeplab): Xception, MobileNetV2, ResNet, NAS.

Names of research/deeplab/model.py and core/xception.py, and of
research/slim/nets/mobilenet; convolutions are stored as height, width, input, output.
"""

import re
from fractions import Fraction

from torch import Tensor

from mmseg_deeplab.ops.geometry import scaled_rates
from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, drop, rename_modules, some
from .aspp_keys import CELL, CLASSIFIER, LOW_LEVEL, head_config
from .hnasnet_keys import FIRST_INPUT, hnasnet_modules
from .hnasnet_keys import TENSORS as HNASNET_TENSORS
from .mobilenet_keys import MOBILENET_BLOCKS, block_units
from .resnet_beta_keys import TENSORS as BETA_TENSORS
from .resnet_beta_keys import beta_modules
from .resnet_keys import DEEP_STEM, PREPROCESSOR, depth_of, segmentor_config

# Endings of what an optimizer keeps beside a variable.
AVERAGE = 'ExponentialMovingAverage'
SLOT = re.compile(rf'.+/({AVERAGE}|Momentum|Adam|Adam_1|RMSProp|RMSProp_1|Adagrad)$')
COUNTER = re.compile(r'(.*/)?(global_step|beta[12]_power)$')
# Layers of the ImageNet classifiers that segmentation does without.
IMAGE_CLASSIFIER = re.compile(
    r'((xception|resnet_v1)_\d+/logits|MobilenetV2/(Conv_1|Logits))/.+'
)

# Scopes of the networks and of the head.
SCOPE = re.compile(r'(xception_\d+|MobilenetV2|hnasnet|resnet_v1_\d+|logits)/')

TENSORS = {
    'weights': 'conv.weight',
    'depthwise_weights': 'conv.weight',
    'BatchNorm/gamma': 'bn.weight',
    'BatchNorm/beta': 'bn.bias',
    'BatchNorm/moving_mean': 'bn.running_mean',
    'BatchNorm/moving_variance': 'bn.running_var',
}
CLASSIFIER_TENSORS = {
    'logits/semantic/weights': 'weight',
    'logits/semantic/biases': 'bias',
}
# Tensors of networks whose BatchNorm is mapped as a module of its own.
OWN_TENSORS = {'hnasnet': HNASNET_TENSORS, 'resnet_v1': BETA_TENSORS}
# The dense prediction cell (core/dense_prediction_cell.py).
CELL_SCOPE, CELL_BRANCHES = 'meta_architecture', 5
MOBILENET_MARKER = 'backbone.layer1.0.conv.0.conv.weight'
# Units of each block in the flows of Xception; entry and exit have blocks of one unit.
FLOWS = {
    'entry': [f'block{i}/unit_1' for i in range(1, 6)],
    'middle': [f'block1/unit_{i}' for i in range(1, 17)],
    'exit': [f'block{i}/unit_1' for i in range(1, 3)],
}
DEPTHS = {(3, 8): 41, (3, 16): 65, (5, 16): 71}  # of blocks in entry and middle flow

# research/deeplab/core/feature_extractor.py, _preprocess_zero_mean_unit_range.
ZERO_MEAN_PREPROCESSOR = PREPROCESSOR | dict(mean=[127.5] * 3, std=[127.5] * 3)
# `decay` 0.9997 and `epsilon` of model.py for the heads and extract_features for the
# backbones; its ResNets have 0.95.
HEAD_NORM = dict(type='BN', eps=1e-5, momentum=3e-4, requires_grad=True)
BACKBONE_NORM = HEAD_NORM | dict(eps=1e-3)
RESNET_NORM = HEAD_NORM | dict(momentum=0.05)


def _modules() -> dict[str, str]:
    """Map all scopes; ``xception/`` and ``resnet_v1/`` are without the depth."""
    layers = {f'xception/entry_flow/conv1_{i}': f'backbone.conv{i}' for i in (1, 2)}
    separable = {}
    for flow, units in FLOWS.items():
        for index, unit in enumerate(units):
            theirs = f'xception/{flow}_flow/{unit}/xception_module'
            ours = f'backbone.{flow}.{index}'
            layers[f'{theirs}/shortcut'] = f'{ours}.shortcut'
            for i in range(3):
                separable[f'{theirs}/separable_conv{i + 1}'] = f'{ours}.convs.{i}'
    layers['MobilenetV2/Conv'] = 'backbone.conv1'
    for number in range(len(MOBILENET_BLOCKS)):
        scope = f'MobilenetV2/expanded_conv{f"_{number}" if number else ""}'
        units = block_units(number)
        parts = ('expand', 'depthwise', 'project')[-len(units) :]
        for part, unit in zip(parts, units, strict=True):
            layers[f'{scope}/{part}'] = unit
    layers['image_pooling'] = 'decode_head.image_pool.1'
    layers['concat_projection'] = 'decode_head.bottleneck'
    layers['decoder/feature_projection0'] = 'decode_head.c1_bottleneck'
    for i in range(4):
        separable[f'aspp{i}'] = f'decode_head.aspp_modules.{i}'
    for i in range(2):
        separable[f'decoder/decoder_conv{i}'] = f'decode_head.convs.{i}'
        # slim.repeat, of the decoder without separable convolutions
        layers[f'decoder/decoder_conv0/decoder_conv0_{i + 1}'] = (
            f'decode_head.convs.{i}'
        )
    for i in range(CELL_BRANCHES):
        separable[f'{CELL_SCOPE}/branch{i}'] = f'decode_head.aspp_modules.{i}'
    layers[f'{CELL_SCOPE}/concat_projection'] = 'decode_head.bottleneck'
    layers |= separable  # these layers also exist as plain convolutions
    for kind in ('depthwise', 'pointwise'):
        layers |= {f'{k}_{kind}': f'{v}.{kind}_conv' for k, v in separable.items()}
    layers['logits/semantic'] = 'decode_head.conv_seg'
    return layers | hnasnet_modules() | beta_modules()


MODULES = _modules()


def _split(key: str) -> tuple[str, str]:
    """Split a variable's name into its scope and our name of the tensor."""
    if key in CLASSIFIER_TENSORS:
        return 'logits/semantic', CLASSIFIER_TENSORS[key]
    key = re.sub(r'^(xception|resnet_v1)_\d+/', r'\1/', key)
    tensors = OWN_TENSORS.get(key.split('/')[0], TENSORS)
    for ending, tensor in tensors.items():
        if key.endswith(f'/{ending}'):
            return key.removesuffix(f'/{ending}'), tensor
    return key, ''


def knows(state: StateDict) -> bool:
    return any(SCOPE.match(key) for key in state)


def convert(state: StateDict, *, use_averages: bool = False) -> StateDict:
    """Rename and transpose to ``backbone.*`` and ``decode_head.*``.

    ``use_averages`` takes the exponential moving averages of the weights, where the
    checkpoint has them (slim's ImageNet classifiers), instead of the weights.
    """
    if use_averages:
        averages = {
            key.removesuffix(f'/{AVERAGE}'): value
            for key, value in state.items()
            if key.endswith(f'/{AVERAGE}')
        }
        if not averages:
            raise InputError(
                'use_averages: this checkpoint has no exponential moving averages '
                f'(.../{AVERAGE}); its keys are {some(state)}'
            )
        state = state | averages
    slots = [key for key in state if SLOT.fullmatch(key) or COUNTER.fullmatch(key)]
    state = drop(state, slots, why='part of the optimizer')
    classifier = [key for key in state if IMAGE_CLASSIFIER.fullmatch(key)]
    state = drop(state, classifier, why='the image classifier')
    state = {key: _to_torch(key, value) for key, value in state.items()}
    return rename_modules(state, MODULES, source='tensorflow', split=_split)


def _to_torch(key: str, value: Tensor) -> Tensor:
    if value.dim() != 4:
        return value
    if key.endswith('/depthwise_weights'):  # (H, W, C, M) to (C * M, 1, H, W)
        return value.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1).contiguous()
    return value.permute(3, 2, 0, 1).contiguous()  # (H, W, C, K) to (K, C, H, W)


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Return the segmentor of converted weights, trained at output stride 16."""
    if CLASSIFIER not in state:
        raise InputError(
            'these weights are an image classifier: convert them and use the file as '
            "backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    if FIRST_INPUT in state:
        backbone = _auto_deeplab_config(state, output_stride=output_stride)
    elif MOBILENET_MARKER in state:
        last = state['backbone.layer7.0.conv.2.conv.weight']
        backbone = dict(type='DeepLabMobileNetV2', widen_factor=last.shape[0] / 320)
    elif DEEP_STEM in state:
        backbone = _resnet_config(state)
    else:
        backbone = _xception_config(state)
    if FIRST_INPUT not in state:
        backbone['output_stride'] = output_stride
    head = head_config(
        state,
        output_stride=output_stride,
        align_corners=True,
        in_index=1 if FIRST_INPUT in state else 3,
    )
    if CELL in state:
        head = _cell_config(head, output_stride=output_stride)
    if MOBILENET_MARKER in state and LOW_LEVEL in state:
        raise InputError(
            'a decoder on MobileNetV2 is not converted: TensorFlow feeds it the map '
            'inside a block, before the projection'
        )
    return segmentor_config(
        dict(norm_cfg=BACKBONE_NORM.copy()) | backbone,
        head | dict(norm_cfg=HEAD_NORM.copy(), dropout_ratio=0.1),  # model.py keeps 0.9
        data_preprocessor=ZERO_MEAN_PREPROCESSOR,
    )


def _auto_deeplab_config(state: StateDict, *, output_stride: int) -> dict:
    if output_stride != 8:
        raise InputError(
            f"output_stride={output_stride}: Auto-DeepLab's path ends at 8, and has no "
            'other'
        )
    return dict(type='AutoDeepLabNet', filters=state[FIRST_INPUT].shape[0])


def _resnet_config(state: StateDict) -> dict:
    return dict(
        type='ResNetV1Beta',
        depth=depth_of(state),
        base_channels=state['backbone.layer1.0.conv1.weight'].shape[0],
        frozen_bn='none',
        norm_cfg=RESNET_NORM.copy(),
    )


def _cell_config(head: dict, *, output_stride: int) -> dict:
    """Turn the config of a pyramid into that of a dense prediction cell."""
    if head['type'] != 'DeepLabV3PlusHead':
        raise InputError('a dense prediction cell without a decoder is not converted')
    pyramid = ('dilations', 'image_pooling', 'separable_aspp')
    kind = 'DensePredictionCellHead'
    (multiplier,) = scaled_rates([1], Fraction(16, output_stride), owner=kind)
    head = {name: value for name, value in head.items() if name not in pyramid}
    return head | dict(type=kind, rate_multiplier=multiplier)


def _xception_config(state: StateDict) -> dict:
    pattern = re.compile(r'backbone\.(entry|middle)\.(\d+)\.convs\.0\.depthwise_conv\.')
    found = {match.groups() for match in map(pattern.match, state) if match}
    flows = [flow for flow, _ in found]
    blocks = flows.count('entry'), flows.count('middle')
    if blocks not in DEPTHS:
        raise InputError(
            f'Xception has {sorted(DEPTHS)} blocks in entry and middle flow, found '
            f'{blocks}'
        )
    return dict(
        type='AlignedXception',
        depth=DEPTHS[blocks],
        widen_factor=state['backbone.conv1.conv.weight'].shape[0] / 32,
    )
