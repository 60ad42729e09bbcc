"""Files of class weights: the two formats that ``class-weights`` writes, as data."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_deeplab.utils.errors import InputError

SUFFIXES = ('.json', '.npy')


def read_class_weights(weights: str | Sequence[float]) -> list[float]:
    """Return the weights of a loss, ``K`` numbers, given as such or by their file.

    MMSegmentation's losses also read ``.pkl`` and ``.yaml``, which may hold code.
    """
    named = f'class_weight={weights!r}'
    path = Path(weights) if isinstance(weights, str) else None
    if path:
        check_suffix(path)
    try:
        if path and path.suffix == '.json':
            weights = json.loads(path.read_bytes())
        elif path:
            # Mapped: a size beyond that of the file is an error. No pickles.
            weights = np.load(path, mmap_mode='r', allow_pickle=False)
        found = np.array(weights, dtype=float)
    except (ValueError, TypeError, EOFError, RecursionError) as error:
        raise InputError(f'{named}: not K numbers ({error})') from error
    if found.ndim != 1 or not np.isfinite(found).all() or (found < 0).any():
        raise InputError(
            f'{named}: expected K numbers of at least 0, received {str(weights)[:80]}'
        )
    return found.tolist()


def check_suffix(path: Path) -> None:
    """Raise InputError if a file of class weights has another format."""
    if path.suffix not in SUFFIXES:
        raise InputError(f'{path}: the name must end in {" or ".join(SUFFIXES)}')
