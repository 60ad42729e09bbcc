"""Files of ``torch.save`` read as data: a file that would run code is refused."""

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmseg_deeplab.utils.errors import InputError

_NUMPY_CORE = getattr(np, '_core', None) or np.core  # renamed in numpy 2


def _statistic(owner: type, name: str) -> Any:
    """Take the place of ``getattr`` in a checkpoint: mmengine's log buffers name by it
    the statistics they offer, and nothing else may be reached through it."""
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
    *(type(np.dtype(kind)) for kind in ('?', 'u1', 'i4', 'i8', 'u4', 'u8', 'f4', 'f8')),
]


def load_pickled(file: str | os.PathLike, map_location: Any = 'cpu') -> Any:
    """Load what ``torch.save`` wrote without ever running code from it.

    ``torch.load`` with ``weights_only=True`` admits tensors, plain containers and the
    few classes of :data:`SAFE_GLOBALS`, and nothing else.

    Raises:
        ValueError: If the file would run code, is truncated, or no such file.
    """
    try:
        with torch.serialization.safe_globals(SAFE_GLOBALS):
            return torch.load(file, map_location=map_location, weights_only=True)
    except Exception as error:
        # Foreign files raise anything: EOFError, KeyError, RuntimeError...
        raise InputError(_explain(Path(file), error)) from error


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
