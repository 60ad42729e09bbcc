"""``init_cfg=dict(type='Pretrained', ...)`` from a file of any known family."""

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.logging import print_log
from torch import nn

from mmseg_deeplab.utils.errors import InputError

from .conversion import SOURCES
from .families import isht7, jfzhang95, torchvision, vgg16_keys
from .families.resnet_keys import DEEP_STEM
from .fitting import misfits
from .loading import load
from .references import local_file
from .state_dicts import (
    StateDict,
    drop,
    rename_modules,
    some,
    split_key,
    strip_leading,
    tensors_of,
    with_counters,
)

COLOURS = 3  # input channels of the first layer of nearly all pre-trained weights


def split_pretrained(
    init_cfg: dict | list[dict] | None,
) -> tuple[list[dict] | None, dict[str, Any] | None]:
    """Separate the arguments of the ``Pretrained`` entry of an ``init_cfg``.

    Returns the other entries (None if there were none at all), and the arguments.
    """
    entries = [init_cfg] if isinstance(init_cfg, dict) else list(init_cfg or [])
    pretrained = [dict(entry) for entry in entries if entry['type'] == 'Pretrained']
    others = [entry for entry in entries if entry['type'] != 'Pretrained']
    if not pretrained:
        return init_cfg, None
    pretrained[-1].pop('type')
    return others or None, pretrained[-1]


def load_pretrained(
    backbone: nn.Module,
    checkpoint: str,
    prefix: str | None = None,
    map_location: str = 'cpu',
) -> None:
    """Load the backbone's part of a checkpoint into ``backbone``.

    The family is found from the key names. Everything of the backbone must be there,
    but for the counters of BatchNorm; what belongs to heads is left out and named in
    the log.

    Args:
        backbone: One of this project's.
        checkpoint: A file, or what else :func:`local_file` takes: a name of the zoo, a
            URL, ``torchvision://resnet50``, ...
        prefix: Take only the keys that begin so, without the prefix.
        map_location: Device for the tensors, see :func:`torch.load`.

    Raises:
        ValueError: If tensors of the backbone are missing or have another shape.
    """
    state = tensors_of(load(local_file(checkpoint), map_location=map_location))
    if prefix:
        state = _part(state, prefix.rstrip('.') + '.')
    family, converted = to_backbone(state, own_keys=backbone.state_dict())
    own = _part(converted, 'backbone.')
    wanted = backbone.state_dict()
    for key in adapt_first_layer(own, wanted):
        print_log(
            f'{checkpoint}: {key} is adapted to {wanted[key].shape[1]} channels',
            'current',
        )
    missing, unexpected = wanted.keys() - own.keys(), own.keys() - wanted.keys()
    other_shape = misfits(own, backbone).values()
    if missing or unexpected or other_shape:
        depth = getattr(backbone, 'depth', None)
        name = type(backbone).__name__
        raise InputError(
            f'{checkpoint} does not fit {name}{f"(depth={depth})" if depth else ""}: '
            f'missing [{some(sorted(missing))}], '
            f'unexpected [{some(sorted(unexpected))}], '
            f'other shape [{some(sorted(other_shape))}]. '
            'Check depth and width of the backbone'
        )
    backbone.load_state_dict(own)
    heads = sorted({key.split('.')[0] for key in converted if 'backbone' not in key})
    left = f'; left out: {", ".join(heads)}' if heads else ''
    print_log(f'{checkpoint}: {family} weights into the backbone{left}', 'current')
    if family == 'torchvision' and torchvision.RESNET in own:
        print_log(torchvision.STRIDE_NOTE, 'current', level=logging.WARNING)


def adapt_first_layer(own: StateDict, wanted: StateDict) -> list[str]:
    """Fit convolutions of colour images to other channels, in place; return their keys.

    The rule is that of timm (``adapt_input_conv``): for one channel the sum over the
    three input channels, so that a grey image gives what three equal channels would;
    for C channels the weights of red, green and blue in turn, times 3 / C.
    """
    adapted = []
    for key, weight in own.items():
        shape = wanted[key].shape if key in wanted else weight.shape
        if weight.ndim != 4 or weight.shape[1] != COLOURS or shape == weight.shape:
            continue
        channels = shape[1]
        if channels == 1:
            fitted = weight.sum(1, keepdim=True)
        else:
            repeats = -(-channels // COLOURS)
            fitted = weight.repeat(1, repeats, 1, 1)[:, :channels] * COLOURS / channels
        if fitted.shape == shape:
            own[key] = fitted
            adapted.append(key)
    return adapted


def _part(state: StateDict, prefix: str) -> StateDict:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def to_backbone(
    state: StateDict, *, own_keys: Iterable[str] = ()
) -> tuple[str, StateDict]:
    """Find the family by its key names and return it with ``backbone.*`` keys.

    A file of no known family that has some of ``own_keys`` is the backbone's own.
    """
    if any(key.endswith(jfzhang95.MARKER) for key in state):
        return 'jfzhang95', _jfzhang95(state)
    if vgg16_keys.is_vgg16(state):
        return 'vgg16', vgg16_keys.convert(state)
    for name in ('kazuto1011', 'torchvision', 'vainf', 'detectron2', 'transformers'):
        if SOURCES[name].knows(state):
            return name, SOURCES[name].convert(state)
    if any(key.startswith('backbone.') for key in state):
        if any(key.startswith('backbone.layer7.') for key in state):
            # mmpretrain's MobileNetV2 has one more convolution than MMSeg's.
            last = [key for key in state if key.startswith('backbone.conv2.')]
            state = drop(state, last, why='the last one of the image classifier')
        return 'mmseg', with_counters(state)
    foreign = any(key.endswith(isht7.MARKER) for key in state)
    foreign = foreign and not any(f'backbone.{key}' == DEEP_STEM for key in state)
    if not foreign and not state.keys().isdisjoint(own_keys):
        own = {f'backbone.{key}': value for key, value in state.items()}
        return 'own', with_counters(own)
    return 'resnet_multi', isht7.convert(state)


def _jfzhang95(state: StateDict) -> StateDict:
    """Take the Xception out of a whole network."""
    modules = jfzhang95.XCEPTION_MODULES
    state = strip_leading(state, jfzhang95.MARKER)
    others = [key for key in state if split_key(key)[0] not in modules]
    state = drop(state, others, why='not the backbone')
    modules = {theirs: f'backbone.{ours}' for theirs, ours in modules.items()}
    return rename_modules(state, modules, source='jfzhang95')
