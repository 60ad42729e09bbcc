"""Safe loading: a checkpoint is data, and a file that would run code is refused."""

import os
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner.checkpoint import CheckpointLoader, load_from_http

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


def load_from_local(filename: str, map_location: str | None = None) -> dict[str, Any]:
    return load(filename, map_location=map_location)


def load_from_web(filename: str, map_location: str | None = None) -> dict[str, Any]:
    try:
        return load_from_http(filename, map_location=map_location)
    except UnpicklingError as error:
        raise InputError(
            f'{filename}: refused, the downloaded file would run code on loading'
        ) from error


def load_from_web_safetensors(
    filename: str, map_location: str | None = None
) -> dict[str, Any]:
    """Download a ``.safetensors`` file to where torch.hub keeps the others, once.

    Where the name ends in ``-`` and a hash, the bytes must have it.
    """
    name = Path(urlsplit(filename).path).name
    file = Path(torch.hub.get_dir()) / 'checkpoints' / name
    found = re.search(r'-([0-9a-f]{8,64})\.', name)
    if not is_main_process():
        barrier()
    if not file.exists():  # here, and on each other machine
        file.parent.mkdir(parents=True, exist_ok=True)
        hashed = found and found[1]
        torch.hub.download_url_to_file(filename, str(file), hashed, progress=False)
    if is_main_process():
        barrier()
    return load(file, map_location=map_location)


def enable_safe_loading() -> None:
    """Make mmengine refuse what :func:`load` refuses, for files, URLs and resuming.

    Importing this module does it for the whole process. Where others call
    ``torch.load``, torch's own switch, which the package sets, forbids code.
    """
    # mmengine takes the first pattern that matches, the longest first.
    for scheme, loader in {
        '': load_from_local,
        'http://': load_from_web,
        'https://': load_from_web,
        rf'(?!.*://).*\{SUFFIX}$': load_from_local,
        rf'https?://[^?#]*\{SUFFIX}([?#]|$)': load_from_web_safetensors,
    }.items():
        CheckpointLoader.register_scheme(scheme, loader=loader, force=True)


enable_safe_loading()
