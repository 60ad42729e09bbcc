"""The weights of a checkpoint, and the bytes of the file that they are published in."""

import io
from collections.abc import Mapping
from typing import Any

import torch

from mmseg_deeplab.checkpoints.formats.safetensors_file import (
    dump_safetensors,
    own_memory,
)
from mmseg_deeplab.checkpoints.state_dicts import StateDict, tensors_of


def published_state(checkpoint: Mapping[str, Any], *, ema: bool | None) -> StateDict:
    """Return the weights to publish, each tensor alone in its memory.

    mmengine's ``EMAHook`` saves the average as ``state_dict`` and the weights that were
    trained as ``ema_state_dict``.

    Args:
        checkpoint: As loaded.
        ema: True for the average, False for the weights that were trained, None for
            what ``state_dict`` holds.

    Raises:
        ValueError: If ``ema`` is given and the checkpoint has no average, or if there
            are no weights.
    """
    trained = checkpoint.get('ema_state_dict')
    if ema is not None and trained is None:
        raise ValueError(
            f'--{"" if ema else "no-"}ema: the checkpoint holds no moving average '
            '(ema_state_dict), it was not trained with EMAHook; leave the option out'
        )
    state = tensors_of(checkpoint)
    if ema is False:
        averaged = {key for key in trained if key.startswith('module.')}
        state |= {key.removeprefix('module.'): trained[key] for key in averaged}
    if all(key.startswith('module.') for key in state):  # saved by a wrapper
        state = {key.removeprefix('module.'): value for key, value in state.items()}
    return own_memory(state)


def to_bytes(state: StateDict, meta: dict[str, Any], file_format: str) -> bytes:
    """Return the content of the weights file: equal for equal input.

    Args:
        state: From :func:`published_state`.
        meta: From :func:`published_meta`.
        file_format: ``'pth'`` or ``'safetensors'``.

    Raises:
        ValueError: If the format is another.
    """
    if file_format == 'safetensors':
        return dump_safetensors(state, meta)
    if file_format != 'pth':
        raise ValueError(f"format must be 'pth' or 'safetensors', got {file_format!r}")
    buffer = io.BytesIO()  # a file would put its own name into the archive
    torch.save({'state_dict': state, 'meta': meta}, buffer)
    return buffer.getvalue()
