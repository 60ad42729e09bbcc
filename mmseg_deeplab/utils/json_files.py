"""JSON from a file, which may be anything."""

import json
from pathlib import Path
from typing import Any

from .errors import InputError, one_line


def read_json(path: Path) -> Any:
    """Read a JSON file; what is none is an InputError with its path."""
    return parse_json(path.read_bytes(), str(path))


def parse_json(content: str | bytes, place: str) -> Any:
    """Parse JSON of ``place``; what is none, or too deep, is an InputError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f'{place}: is no JSON: {one_line(error)}') from error
