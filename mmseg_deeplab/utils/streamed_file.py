"""Files too large to be held in memory that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .atomic_files import PART_SUFFIX


@contextmanager
def streamed_file(path: str | Path) -> Iterator[Path]:
    """Yield a hidden name in the same folder; without an error it becomes ``path``.

    What was at ``path`` before stays until then. The block must have closed the file
    when it ends.

    Args:
        path: The final name; missing folders are made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}{PART_SUFFIX}')
    try:
        yield part
        with open(part, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
