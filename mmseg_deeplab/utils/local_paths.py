"""Which paths are those of the local disk, to which results are written."""

import os
import re

from .errors import InputError

_ADDRESS = re.compile(
    '[A-Za-z][A-Za-z0-9+.-]+:/'
)  # also with one slash, as Path has it


def is_absolute(path: str) -> bool:
    """Whether a path or an address stands alone, without the root of its data set."""
    return '://' in path or os.path.isabs(path)


def require_local(path: str | os.PathLike, name: str) -> None:
    """Raise InputError for the address of a storage, which would become a folder."""
    if _ADDRESS.match(os.fspath(path)):
        raise InputError(
            f'{name}={os.fspath(path)!r}: results are written to the local disk alone. '
            'Remedy: give a local path, and copy the results from there'
        )
