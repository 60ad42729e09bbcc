"""Lists in messages."""

from collections.abc import Iterable
from typing import Any


def some(items: Iterable[Any], limit: int = 12) -> str:
    """List things for a message, the first ``limit`` of them."""
    names = list(map(str, items))
    more = f' and {len(names) - limit} more' if len(names) > limit else ''
    return ', '.join(names[:limit]) + more
