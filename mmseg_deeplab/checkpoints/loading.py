"""Safe loading: a checkpoint is data, and a file that would run code is refused."""

import os
import re
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader, load_from_http

from .formats.safetensors_file import SUFFIX, load_safetensors

_NUMPY_CORE = getattr(np, '_core', None) or np.core  # renamed in numpy 2


def _statistic(owner: type, name: str) -> Any:
    """Stand in for ``getattr`` in a checkpoint: mmengine's log buffers name by it the
    statistics they offer, and nothing else may be reached through it."""
    if owner is not HistoryBuffer or name not in HistoryBuffer._statistics_methods:
        raise UnpicklingError(f'Unsupported global: GLOBAL getattr({owner}, {name!r})')
    return HistoryBuffer._statistics_methods[name]


# torch finds an allowed function by these two names.
_statistic.__module__, _statistic.__qualname__ = 'builtins', 'getattr'
HistoryBuffer()  # registers the statistics

# What mmengine puts beside the tensors: the log's buffers and numpy scalars.
SAFE_GLOBALS = [
    HistoryBuffer,
    _statistic,
    np.ndarray,
    np.dtype,
    _NUMPY_CORE.multiarray.scalar,
    _NUMPY_CORE.multiarray._reconstruct,
    *(
        type(np.dtype(kind))
        for kind in ('bool', 'u1', 'i4', 'i8', 'u4', 'u8', 'f4', 'f8')
    ),
]


def load(
    path: str | os.PathLike, *, map_location: str | torch.device | None = 'cpu'
) -> dict[str, Any]:
    """Load a checkpoint file without ever running code from it.

    ``torch.load`` with ``weights_only=True``, which admits tensors, plain containers
    and the few classes of :data:`SAFE_GLOBALS`, and nothing else. mmengine's own
    loader falls back to unpickling anything.

    Args:
        path: A file on disk, zip or legacy format of ``torch.save``, or
            ``.safetensors``.
        map_location: As of :func:`torch.load`.

    Returns:
        The dictionary that was saved: a state dict, or one that holds it. For
        ``.safetensors`` see :func:`load_safetensors`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file would run code, is truncated, is no checkpoint, or does
            not hold a dictionary.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    if file.suffix == SUFFIX:
        return load_safetensors(file, map_location=map_location)
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            content = torch.load(file, map_location=map_location, weights_only=True)
    except Exception as error:
        # What a foreign file raises is anything: EOFError, KeyError, RuntimeError...
        raise ValueError(_explain(file, error)) from error
    if not isinstance(content, dict):
        raise ValueError(
            f'{file}: holds a {type(content).__name__}, not a dictionary of tensors; '
            'save `model.state_dict()` instead of the model'
        )
    return content


def _explain(file: Path, error: Exception) -> str:
    reason = str(error).strip().split('\n')[-1] or type(error).__name__
    if isinstance(error, UnpicklingError) and 'Unsupported' in str(error):
        reason = str(error)[str(error).find('Unsupported') :].split(' was not')[0]
    if isinstance(error, UnpicklingError) and 'GLOBAL' in str(error):
        return (
            f'{file}: refused, loading it would run code or build objects other than '
            f'tensors and plain containers ({reason}). Where you trust its source, '
            'load it there and save only its `state_dict()`'
        )
    return (
        f'{file} ({file.stat().st_size} bytes): not a whole checkpoint of torch.save '
        f'({type(error).__name__}: {reason}). Download or save it again'
    )


def enable_safe_loading() -> None:
    """Make mmengine refuse what :func:`load` refuses, for files, URLs and resuming.

    Importing this module does it for the whole process. Where others call
    ``torch.load`` themselves, torch's own switch, set when the package is imported,
    forbids code.
    """
    CheckpointLoader.register_scheme('', loader=load_from_local, force=True)
    CheckpointLoader.register_scheme(('http://', 'https://'), load_from_web, force=True)


def load_from_local(filename: str, map_location: str | None = None) -> dict[str, Any]:
    return load(filename, map_location=map_location)


def load_from_web(filename: str, map_location: str | None = None) -> dict[str, Any]:
    try:
        return load_from_http(filename, map_location=map_location)
    except UnpicklingError as error:
        raise ValueError(
            f'{filename}: refused, the downloaded file would run code on loading'
        ) from error


# The host chooses a loader by the first pattern that matches, longest first. It has
# none for this format, so that these two take nothing from it.
@CheckpointLoader.register_scheme(rf'(?!.*://).*\{SUFFIX}$')
def load_from_safetensors(
    filename: str, map_location: str | None = None
) -> dict[str, Any]:
    """Let mmengine's loader read a ``.safetensors`` file."""
    return load(filename, map_location=map_location)


@CheckpointLoader.register_scheme(rf'https?://[^?#]*\{SUFFIX}([?#]|$)')
def load_from_web_safetensors(
    filename: str, map_location: str | None = None
) -> dict[str, Any]:
    """Download a ``.safetensors`` file to where torch.hub keeps the others, once.

    Raises:
        RuntimeError: If the name ends in ``-`` and a hash, and the bytes have another.
    """
    file = (
        Path(torch.hub.get_dir()) / 'checkpoints' / Path(urlsplit(filename).path).name
    )
    if is_main_process():
        _download(filename, file)
    barrier()
    _download(filename, file)  # on the other machines
    return load(file, map_location=map_location)


def _download(url: str, file: Path) -> None:
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    found = re.search(r'-([0-9a-f]{8,64})\.', file.name)
    torch.hub.download_url_to_file(url, str(file), found and found[1], progress=False)


enable_safe_loading()
