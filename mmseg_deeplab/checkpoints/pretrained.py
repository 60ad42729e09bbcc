"""``init_cfg=dict(type='Pretrained', ...)`` from a file of any known family."""

import logging
from typing import Any

from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from . import kazuto1011, resnet_multi, torchvision
from .keys import StateDict, map_keys, some, tensors_of
from .loading import load


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
        backbone: A ``ResNetMulti``.
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
    family, converted = to_backbone(state)
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
    if family == 'torchvision':
        print_log(torchvision.STRIDE_NOTE, 'current', level=logging.WARNING)


def to_backbone(state: StateDict) -> tuple[str, StateDict]:
    """Find the family by its key names and return it with ``backbone.*`` keys."""
    if any(key.endswith(kazuto1011.MARKER) for key in state):
        return 'kazuto1011', kazuto1011.convert(state)
    if any(key.startswith('backbone.') for key in state):
        return 'mmseg', map_keys(state, lambda key: key, source='mmseg')
    if {'fc.weight', 'layer4.0.conv1.weight'} <= state.keys():
        return 'torchvision', torchvision.convert(state)
    return 'resnet_multi', resnet_multi.convert(state)


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
            f'{checkpoint} does not fit {type(backbone).__name__}(depth='
            f'{getattr(backbone, "depth", "?")}): missing [{some(sorted(missing))}], '
            f'unexpected [{some(sorted(unexpected))}], other shape '
            f'[{some(sorted(misfits))}]. Check depth and base_channels of the backbone'
        )
