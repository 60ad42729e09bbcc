"""Tools for state dicts that every family shares."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.listing import some

StateDict = dict[str, Tensor]


def trained_weights(checkpoint: Mapping[str, Any]) -> StateDict:
    """Return the weights behind a moving average; empty if there is none.

    mmengine's ``EMAHook`` saves the average as ``state_dict``, and the weights that
    were trained as ``ema_state_dict``.
    """
    return {
        name.removeprefix('module.'): value
        for name, value in checkpoint.get('ema_state_dict', {}).items()
        if name.startswith('module.')
    }


def tensors_of(checkpoint: Mapping[str, Any]) -> StateDict:
    """Return the tensors of a checkpoint, nested or not, numpy's arrays included."""
    for name in ('state_dict', 'model', 'model_state', 'model_state_dict'):
        if isinstance(checkpoint.get(name), Mapping):
            checkpoint = checkpoint[name]
    arrays = (np.ndarray, np.generic)
    checkpoint = {
        key: torch.as_tensor(value) if isinstance(value, arrays) else value
        for key, value in checkpoint.items()
    }
    others = [key for key, value in checkpoint.items() if not isinstance(value, Tensor)]
    if others or not checkpoint:
        raise InputError(
            f'expected a state dict of tensors, received {len(checkpoint)} entries'
            f'{f", of which these are none: {some(others)}" if others else ""}. '
            'Remedy: give a file that `model.state_dict()` was saved to'
        )
    return checkpoint


def strip_leading(state: StateDict, *markers: str) -> StateDict:
    """Drop what stands before a marker in the key that ends with it, from every key.

    Wrappers put names there (``Scale.``, ``module.``). The first marker found counts.
    """
    for marker in markers:
        ends = [key for key in state if key.endswith('.' + marker)]
        if marker in state:
            return state
        if ends:
            prefix = min(ends, key=len).removesuffix(marker)
            return {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def split_key(key: str) -> tuple[str, str]:
    module, _, tensor = key.rpartition('.')
    return module, tensor


def rename_modules(
    state: StateDict,
    modules: Mapping[str, str],
    *,
    source: str,
    split: Callable[[str], tuple[str, str]] = split_key,
) -> StateDict:
    """Rename every key by our name of its module, or raise with those that have none.

    ``split`` splits a key into the source's module and our name of the tensor.
    """
    renamed = {}
    for key in state:
        module, tensor = split(key)
        if module in modules:
            renamed[key] = f'{modules[module]}.{tensor}'
    unknown = [key for key in state if key not in renamed]
    if unknown:
        raise InputError(
            f'{len(unknown)} of {len(state)} keys are not known for source '
            f'{source!r}: {some(unknown)}. Remedy: give a file that docs/weights.md '
            'lists for it, or name the code base that the file is from'
        )
    return with_counters({renamed[key]: value for key, value in state.items()})


def with_counters(state: StateDict) -> StateDict:
    """Add the ``num_batches_tracked`` that files from before PyTorch 0.4.1 lack."""
    for key in [key for key in state if key.endswith('.running_mean')]:
        counter = key.removesuffix('running_mean') + 'num_batches_tracked'
        state.setdefault(counter, torch.tensor(0, dtype=torch.long))
    return state


def drop(state: StateDict, keys: Iterable[str], *, why: str) -> StateDict:
    """Return ``state`` without ``keys``, and say so in the log."""
    keys = [key for key in keys if key in state]
    if keys:
        print_log(f'left out, {why}: {some(keys)}', 'current', logging.INFO)
    return {key: value for key, value in state.items() if key not in keys}
