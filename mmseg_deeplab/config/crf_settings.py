"""CRF fragments: small config files that say ``crf = dict(type='DenseCRF', ...)``."""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS


def load_crf(path: str | Path) -> dict[str, Any]:
    """Read the settings of a CRF from a fragment, such as ``configs/crf/*.py``.

    Its ``compatibility`` may be the name of a file beside the fragment. ``learnable``
    is left out, as the values are those of the fragment and not of a checkpoint. The
    CRF has been built once, so that wrong settings are errors that name the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'CRF fragment {str(path)!r} does not exist (current folder '
            f'{os.getcwd()}); some are in configs/crf, and mmseg-deeplab tune-crf '
            'writes them'
        )
    try:
        crf = Config.fromfile(path).to_dict().get('crf')
    except Exception as error:  # a fragment is code: anything may go wrong in it
        raise ValueError(f'{path}: not a readable config: {error}') from error
    if not isinstance(crf, dict) or 'type' not in crf:
        raise ValueError(
            f"{path}: a CRF fragment holds crf = dict(type='DenseCRF', ...), received "
            f'crf = {crf!r}'
        )
    crf.pop('learnable', None)
    named = crf.get('compatibility')
    if isinstance(named, str) and not Path(named).is_file():
        crf['compatibility'] = str(path.parent / named)
    try:
        MODELS.build(crf.copy())
    except (TypeError, ValueError, KeyError, FileNotFoundError) as error:
        raise ValueError(f'{path}: not the settings of a CRF: {error}') from error
    return crf
