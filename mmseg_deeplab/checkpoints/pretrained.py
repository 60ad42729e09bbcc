"""``init_cfg=dict(type='Pretrained', ...)`` from a file of any known family."""

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from .families import isht7 as resnet_multi
from .families import jfzhang95, kazuto1011, torchvision, vainf
from .families import vgg16_keys as vgg16
from .loading import load
from .state_dicts import (
    StateDict,
    drop,
    map_keys,
    some,
    strip_leading,
    tensors_of,
    with_counters,
)


def split_pretrained(
    init_cfg: dict | list[dict] | None,
) -> tuple[list[dict] | None, dict[str, Any] | None]:
    """Separate the ``Pretrained`` entry of an ``init_cfg`` from the others.

    Returns:
        The other entries (None if there were none at all), and the arguments of the
        ``Pretrained`` one: ``checkpoint``, ``prefix``, ``map_location``.
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
        checkpoint: A file, or a URL of mmengine's schemes (``https://``,
            ``torchvision://``, ...).
        prefix: Take only the keys that begin so, without the prefix.
        map_location: As of :func:`torch.load`.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If tensors of the backbone are missing or have another shape.
    """
    state = tensors_of(_read(checkpoint, map_location))
    if prefix:
        begin = prefix.rstrip('.') + '.'
        state = {
            k.removeprefix(begin): v for k, v in state.items() if k.startswith(begin)
        }
    family, converted = to_backbone(state, own_keys=backbone.state_dict())
    own = {
        key.removeprefix('backbone.'): value
        for key, value in converted.items()
        if key.startswith('backbone.')
    }
    _check_fit(backbone, own, checkpoint)
    backbone.load_state_dict(own)
    heads = sorted({key.split('.')[0] for key in converted if 'backbone' not in key})
    left = f'; left out: {", ".join(heads)}' if heads else ''
    print_log(f'{checkpoint}: {family} weights into the backbone{left}', 'current')
    if family == 'torchvision' and torchvision.RESNET in own:
        print_log(torchvision.STRIDE_NOTE, 'current', level=logging.WARNING)


def to_backbone(
    state: StateDict, *, own_keys: Iterable[str] = ()
) -> tuple[str, StateDict]:
    """Find the family by its key names and return it with ``backbone.*`` keys.

    Args:
        state: Tensors by the file's names.
        own_keys: Names in the backbone that is to be filled: a file of no known family
            that has some of them is taken for the backbone's own.
    """
    if any(key.endswith(kazuto1011.MARKER) for key in state):
        return 'kazuto1011', kazuto1011.convert(state)
    if any(key.endswith(jfzhang95.MARKER) for key in state):
        return 'jfzhang95', _jfzhang95(state)
    if vgg16.is_vgg16(state):
        return 'vgg16', vgg16.convert(state)
    if torchvision.knows(state):
        return 'torchvision', torchvision.convert(state)
    if vainf.knows(state):
        return 'vainf', vainf.convert(state)
    if any(key.startswith('backbone.') for key in state):
        return 'mmseg', _mmseg(state)
    foreign = any(key.endswith(resnet_multi.MARKER) for key in state)
    if not foreign and not state.keys().isdisjoint(own_keys):
        return 'own', map_keys(state, lambda key: f'backbone.{key}', source='own')
    return 'resnet_multi', resnet_multi.convert(state)


def _mmseg(state: StateDict) -> StateDict:
    """Keep the keys; mmpretrain's MobileNetV2 has one more convolution than MMSeg's."""
    if any(key.startswith('backbone.layer7.') for key in state):
        last = [key for key in state if key.startswith('backbone.conv2.')]
        state = drop(state, last, why='the last convolution of the image classifier')
    return with_counters(state)


def _jfzhang95(state: StateDict) -> StateDict:
    state = strip_leading(state, jfzhang95.MARKER)
    names = {key: jfzhang95.rename_backbone(key) for key in state}
    others = [key for key, name in names.items() if name is None]
    state = drop(state, others, why='not the backbone')
    return map_keys(state, lambda key: f'backbone.{names[key]}', source='jfzhang95')


def _read(checkpoint: str, map_location: str) -> dict[str, Any]:
    if '://' in checkpoint:
        return CheckpointLoader.load_checkpoint(checkpoint, map_location)
    return load(checkpoint, map_location=map_location)


def _check_fit(backbone: nn.Module, state: StateDict, checkpoint: str) -> None:
    wanted = backbone.state_dict()
    missing = wanted.keys() - state.keys()
    unexpected = state.keys() - wanted.keys()
    misfits = [
        f'{key} {tuple(state[key].shape)} for {tuple(wanted[key].shape)}'
        for key in wanted.keys() & state.keys()
        if state[key].shape != wanted[key].shape
    ]
    if missing or unexpected or misfits:
        raise ValueError(
            f'{checkpoint} does not fit {_describe(backbone)}: '
            f'missing [{some(sorted(missing))}], '
            f'unexpected [{some(sorted(unexpected))}], '
            f'other shape [{some(sorted(misfits))}]. '
            'Check depth and width of the backbone'
        )


def _describe(backbone: nn.Module) -> str:
    depth = getattr(backbone, 'depth', None)
    name = type(backbone).__name__
    return name if depth is None else f'{name}(depth={depth})'
