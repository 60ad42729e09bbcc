"""Packages that only some commands need, imported when they are used."""

from importlib import import_module
from types import ModuleType

from mmseg_deeplab.utils.errors import MissingPackageError


def optional_package(name: str, *, extra: str, purpose: str) -> ModuleType:
    """Import a package of an extra; ``purpose`` is what needs it, for the error."""
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f'{purpose} needs the package {name} ({error}): '
            f'pip install "mmseg-deeplab[{extra}]"'
        ) from error
