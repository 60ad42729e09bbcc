"""Checks of single values that users give."""

from collections.abc import Iterable
from typing import Any

from .errors import InputError


def require_one_of(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Raise InputError if a value is none of those that are possible."""
    choices = list(choices)
    if value not in choices:
        raise InputError(
            f'{name} must be one of {", ".join(map(str, choices))}, received {value!r}'
        )


def require_at_least(least: int, **values: float) -> None:
    """Raise InputError if one of the values, given by their names, is smaller."""
    for name, value in values.items():
        if value < least:
            raise InputError(f'{name} must be {least} or more, received {value!r}')
