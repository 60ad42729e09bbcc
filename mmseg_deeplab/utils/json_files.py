"""Read JSON, or say which file holds something else; write it whole."""

import json
from pathlib import Path
from typing import Any

from .atomic_files import write_whole
from .errors import InputError, one_line


def read_json(path: Path) -> Any:
    """Read a JSON file; raise InputError with its path if it holds no JSON."""
    return parse_json(path.read_bytes(), str(path))


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write_whole(json.dumps(content, indent=1).encode() + b'\n', Path(path))


def parse_json(content: str | bytes, place: str) -> Any:
    """Parse the JSON text of the file ``place``; InputError if it is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f'{place}: is no JSON: {one_line(error)}') from error
