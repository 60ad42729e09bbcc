"""CRF fragments: small config files that say ``crf = dict(type='DenseCRF', ...)``."""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS


def load_crf(path: str | Path) -> dict[str, Any]:
    """Read the settings of a CRF from a fragment, such as ``configs/crf/*.py``.

    A ``compatibility`` file is looked for as named, then beside the fragment.

    Args:
        path: A Python, JSON or YAML config that holds ``crf``.

    Returns:
        The config of the CRF, with which it has been built once. ``learnable`` is left
        out: the fragment has the values, a checkpoint has not.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not hold a CRF, or settings that a CRF cannot have; the
            message names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'CRF fragment {str(path)!r} does not exist (current folder '
            f'{os.getcwd()}); there are some in configs/crf, and tools/tune_crf.py '
            'writes them'
        )
    crf = _read(path).get('crf')
    if not isinstance(crf, dict) or 'type' not in crf:
        raise ValueError(
            f"{path}: a CRF fragment holds crf = dict(type='DenseCRF', ...), received "
            f'crf = {crf!r}'
        )
    crf.pop('learnable', None)
    _find_compatibility(crf, path.parent)
    try:
        MODELS.build(crf.copy())
    except (TypeError, ValueError, KeyError, FileNotFoundError) as error:
        raise ValueError(f'{path}: not the settings of a CRF: {error}') from error
    return crf


def _read(path: Path) -> dict[str, Any]:
    try:
        return Config.fromfile(path).to_dict()
    except Exception as error:  # a fragment is code: anything may go wrong in it
        raise ValueError(f'{path}: not a readable config: {error}') from error


def _find_compatibility(crf: dict[str, Any], folder: Path) -> None:
    named = crf.get('compatibility')
    if isinstance(named, str) and not Path(named).is_file():
        beside = folder / named
        if beside.is_file():
            crf['compatibility'] = str(beside)
