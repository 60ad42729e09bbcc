"""Checkpoints in the format of safetensors: https://github.com/huggingface/safetensors.

What ``torch.save`` keeps beside the tensors is one JSON text in the header, ``meta``:
the library writes several texts in changing orders (0.4.3 to 0.8.0), and equal contents
shall give equal files.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict

SUFFIX = '.safetensors'
ENTRY = 'meta'


def load_safetensors(
    path: str | os.PathLike, *, map_location: str | torch.device | None = 'cpu'
) -> dict[str, Any]:
    """Read a file of this package, or any other of the format.

    Returns ``state_dict``, the tensors, and ``meta``: what :func:`dump_safetensors` was
    given or, in a foreign file, its texts by their names.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    try:
        with safe_open(file, framework='pt') as content:
            state = {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118
            texts = content.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f'{file} ({file.stat().st_size} bytes): not a whole file of safetensors '
            f'({error}). Download or save it again'
        ) from error
    if map_location is not None:
        state = {key: value.to(map_location) for key, value in state.items()}
    try:
        meta = json.loads(texts[ENTRY])
    except (KeyError, ValueError, RecursionError):
        meta = None
    return {'state_dict': state, 'meta': meta if isinstance(meta, dict) else texts}


def dump_safetensors(state: StateDict, meta: Mapping[str, Any]) -> bytes:
    """Give the bytes of a file: the same ones for the same contents."""
    from safetensors.torch import save

    text = json.dumps(meta, sort_keys=True, ensure_ascii=False)
    return save(own_memory(state), {ENTRY: text})


def own_memory(state: StateDict) -> StateDict:
    """Return each tensor alone in its memory, on the CPU and in the plain layout."""
    return {
        key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for key, value in state.items()
    }
