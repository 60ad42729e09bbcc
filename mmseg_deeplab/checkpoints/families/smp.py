"""segmentation_models_pytorch: DeepLab v3 and v3+ on ResNets and timm's networks.

Its timm encoders are called ``tu-NAME``; the weights do not tell NAME. Other encoders
(EfficientNet, VGG, ...) are not known here.
"""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from mmseg_deeplab.ops.geometry import scaled_rates
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.optional_packages import optional_package

from ..state_dicts import StateDict, drop, rename_modules, split_key, strip_leading
from .aspp_keys import (
    CLASSIFIER,
    IMAGENET_PREPROCESSOR,
    LOW_LEVEL,
    conv_and_norm,
    head_config,
    pool_first,
    torchvision_pyramid,
)
from .resnet_keys import LOSS, mmseg_resnet_config, resnet_modules, segmentor_config

MARKER = 'segmentation_head.0.weight'
TIMM, OUR_TIMM = 'encoder.model.', 'backbone.timm_model.'
# Names of the v3 decoder before version 0.5, when it was a Sequential.
OLD_DECODER = {'0': 'aspp', '1': 'conv', '2': 'bn'}
# Defaults of decoders/deeplabv3/model.py.
ATROUS_RATES = (12, 24, 36)


def knows(state: StateDict) -> bool:
    encoder = any(key.startswith('encoder.') for key in state)
    return encoder and any(key.endswith(MARKER) for key in state)


def options_beside(path: Path) -> dict[str, Any]:
    """Return what the ``config.json`` of ``save_pretrained`` tells about a network."""
    file = path.with_name('config.json')
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text(encoding='utf-8'))
        return dict(
            encoder_name=config['encoder_name'],
            atrous_rates=tuple(config['decoder_atrous_rates']),
            trained_stride=config['encoder_output_stride'],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f'{file}: not the config.json of a DeepLab of segmentation_models_pytorch '
            f'({error!r}). Remedy: remove it, and name the encoder: --encoder-name'
        ) from error


def _separable(theirs: str, norm: str, ours: str) -> dict[str, str]:
    """Map depthwise and pointwise convolution, of which only the latter has a norm."""
    return {
        f'{theirs}.0': f'{ours}.depthwise_conv.conv',
        f'{theirs}.1': f'{ours}.pointwise_conv.conv',
        norm: f'{ours}.pointwise_conv.bn',
    }


def _head_modules(state: StateDict) -> dict[str, str]:
    plus = 'decoder.block1.0.weight' in state
    pyramid = 'decoder.aspp.0' if plus else 'decoder.aspp'
    modules = torchvision_pyramid(pyramid)
    if f'{pyramid}.convs.1.0.0.weight' in state:
        for i in (1, 2, 3):
            branch = f'{pyramid}.convs.{i}'
            modules |= _separable(f'{branch}.0', f'{branch}.1', f'aspp_modules.{i}')
    if plus:
        modules |= _separable('decoder.aspp.1', 'decoder.aspp.2', 'aspp_convs.0')
        modules |= _separable('decoder.block2.0', 'decoder.block2.1', 'convs.0')
        modules |= conv_and_norm({'decoder.block1.0': 'c1_bottleneck'})
    else:
        modules |= conv_and_norm({'decoder': 'convs.0'})
    modules['segmentation_head.0'] = 'conv_seg'
    return {theirs: f'decode_head.{ours}' for theirs, ours in modules.items()}


def _timm_modules(state: StateDict, encoder_name: str | None) -> dict[str, str]:
    """Map an encoder of timm to a ``TimmBackbone``, with its ``NormAct``."""
    if not (encoder_name or '').startswith('tu-'):
        raise InputError(
            'the encoder is one of timm, and the weights do not tell which; received '
            f'encoder_name={encoder_name!r}. Remedy: --encoder-name tu-NAME, or the '
            'config.json of the model beside its file'
        )
    timm = optional_package('timm', extra='timm', purpose=encoder_name)
    network = timm.create_model(encoder_name.removeprefix('tu-'), features_only=True)
    active = {
        TIMM + name
        for name, module in network.named_modules()
        if isinstance(module, timm.layers.BatchNormAct2d)
    }
    theirs = {split_key(key)[0] for key in state if key.startswith(TIMM)}
    return {
        name: name.replace(TIMM, OUR_TIMM, 1) + ('.0' if name in active else '')
        for name in theirs
    }


def convert(state: StateDict, *, encoder_name: str | None = None) -> StateDict:
    """Rename to ``backbone.*`` and ``decode_head.*``.

    ``encoder_name`` is smp's, such as ``tu-mobilenetv4_conv_small``; a ResNet does
    without.
    """
    state = strip_leading(state, MARKER)
    image = [key for key in state if key.startswith('classification_head.')]
    state = drop(state, image, why='the image classifier')
    if 'decoder.bn.weight' not in state and 'decoder.block1.0.weight' not in state:
        state = {_new_name(key): value for key, value in state.items()}
    modules = resnet_modules('encoder.') | _head_modules(state)
    if any(key.startswith(TIMM) for key in state):
        modules |= _timm_modules(state, encoder_name)
    return pool_first(rename_modules(state, modules, source='smp'))


def _new_name(key: str) -> str:
    name, _, rest = key.removeprefix('decoder.').partition('.')
    is_old = key.startswith('decoder.') and name in OLD_DECODER
    return f'decoder.{OLD_DECODER[name]}.{rest}' if is_old else key


def model_config(
    state: StateDict,
    *,
    output_stride: int,
    encoder_name: str | None = None,
    atrous_rates: tuple[int, ...] = ATROUS_RATES,
    trained_stride: int | None = None,
) -> dict:
    """Return the segmentor; smp trains v3 at output stride 8 and v3+ at 16.

    One channel of logits, smp's default, is a foreground behind a sigmoid: of the two
    classes here the second. The images are RGB with ImageNet's mean and standard
    deviation, as ``smp.encoders.get_preprocessing_params`` gives for ResNets.

    Args:
        state: Converted weights.
        output_stride: Output stride of the config.
        encoder_name: smp's name of an encoder of timm.
        atrous_rates: The pyramid's rates at the stride of the training.
        trained_stride: That stride, if it is not the default.
    """
    stem = state.get('backbone.conv1.weight')  # of a ResNet
    if stem is not None and stem.shape[1] != 3:
        raise InputError(
            f'an encoder for {stem.shape[1]} channels, whose mean and standard '
            'deviation are not in the weights; known are those of 3 channels'
        )
    trained = trained_stride or (16 if LOW_LEVEL in state else 8)
    rates = scaled_rates(atrous_rates, Fraction(trained, output_stride), owner='smp')
    head = head_config(
        state, output_stride=output_stride, align_corners=True, dilations=(1, *rates)
    )
    if state[CLASSIFIER].shape[0] == 1:
        loss = LOSS | dict(use_sigmoid=True)
        head |= dict(num_classes=2, out_channels=1, threshold=0.5, loss_decode=loss)
    if any(key.startswith(OUR_TIMM) for key in state):
        backbone = dict(
            type='TimmBackbone',
            model_name=(encoder_name or '').removeprefix('tu-'),
            output_stride=output_stride,
        )
    else:
        backbone = mmseg_resnet_config(
            state, output_stride=output_stride, contract_dilation=False
        )
    return segmentor_config(backbone, head, data_preprocessor=IMAGENET_PREPROCESSOR)
