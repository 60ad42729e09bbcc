"""Safe loading: a checkpoint is data, and a file that would run code is refused."""

import os
from pathlib import Path
from typing import Any

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_hashes import check_hash

from .formats.safetensors_file import SUFFIX, load_safetensors
from .formats.torch_file import MapLocation, load_torch

# Texts that mmengine runs as Python, on a resume and to build an inferencer.
CODE = ('config', 'cfg')


def load(
    path: str | os.PathLike, *, map_location: MapLocation = 'cpu'
) -> dict[str, Any]:
    """Load a checkpoint file without ever running code from it.

    mmengine's own loader falls back to unpickling anything. Checksums are compared: the
    file's SHA-256 where its name ends in the first digits of it
    (``deeplabv3-acadc2f8.pth``), and those of each entry of a file of ``torch.save``.

    Args:
        path: A file on disk, zip or legacy format of ``torch.save``, or
            ``.safetensors``.
        map_location: Device for the tensors, or a function as for :func:`torch.load`;
            None is the CPU.

    Returns:
        The dictionary that was saved: a state dict, or one that holds it. For
        ``.safetensors`` see :func:`load_safetensors`.

    Raises:
        ValueError: If the file would run code, is not whole, or holds no dictionary.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    check_hash(file)
    if file.suffix == SUFFIX:
        return load_safetensors(file, map_location=map_location)
    content = load_torch(file, map_location)
    if not isinstance(content, dict):
        raise InputError(
            f'{file}: holds a {type(content).__name__}, not a dictionary of tensors; '
            'save `model.state_dict()` instead of the model'
        )
    return content


def load_without_code(
    path: str | os.PathLike, *, map_location: MapLocation = 'cpu'
) -> dict[str, Any]:
    """Load a checkpoint for mmengine: without the texts that it would run as Python."""
    content = load(path, map_location=map_location)
    hub = content.get('message_hub')
    for part in (
        content.get('meta'),
        isinstance(hub, dict) and hub.get('runtime_info'),
    ):
        for name in CODE if isinstance(part, dict) else ():
            part.pop(name, None)
    return content
