"""Safe loading: a checkpoint is data, and a file that would run code is refused."""

import os
from pathlib import Path
from typing import Any

import torch

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.safe_unpickling import load_pickled

from .formats.safetensors_file import SUFFIX, load_safetensors


def load(
    path: str | os.PathLike, *, map_location: str | torch.device | None = 'cpu'
) -> dict[str, Any]:
    """Load a checkpoint file without ever running code from it.

    mmengine's own loader falls back to unpickling anything.

    Args:
        path: A file on disk, zip or legacy format of ``torch.save``, or
            ``.safetensors``.
        map_location: Device for the tensors, see :func:`torch.load`.

    Returns:
        The dictionary that was saved: a state dict, or one that holds it. For
        ``.safetensors`` see :func:`load_safetensors`.

    Raises:
        ValueError: If the file would run code, is not whole, or holds no dictionary.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    if file.suffix == SUFFIX:
        return load_safetensors(file, map_location=map_location)
    content = load_pickled(file, map_location)
    if not isinstance(content, dict):
        raise InputError(
            f'{file}: holds a {type(content).__name__}, not a dictionary of tensors; '
            'save `model.state_dict()` instead of the model'
        )
    return content
