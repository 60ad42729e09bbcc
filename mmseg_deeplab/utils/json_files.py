"""Read JSON, or say which file holds something else."""

import json
from pathlib import Path
from typing import Any

from .errors import InputError, one_line


def read_json(path: Path) -> Any:
    """Read a JSON file; raise InputError with its path if it holds no JSON."""
    return parse_json(path.read_bytes(), str(path))


def parse_json(content: str | bytes, place: str) -> Any:
    """Parse the JSON text of a file, whose path is ``place``.

    Raises:
        InputError: If it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f'{place}: is no JSON: {one_line(error)}') from error
