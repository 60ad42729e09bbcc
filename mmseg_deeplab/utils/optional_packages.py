"""Packages that only some commands need, imported when they are used."""

from importlib import import_module
from types import ModuleType

from mmseg_deeplab.utils.errors import MissingPackageError


def optional_package(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package that an extra of ``mmseg-deeplab`` installs.

    ``purpose`` is what needs it, the subject of the error's sentence.

    Raises:
        ImportError: If it is not installed, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f'{purpose} needs the package {name} ({error}): '
            f'pip install "mmseg-deeplab[{extra}]"'
        ) from error
