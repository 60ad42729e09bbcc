"""Files that appear under their name when they are whole, or not at all.

The bytes go to a hidden file in the same folder, are flushed to the disk, and the file
is renamed; then the folder is flushed, so that the name survives a power failure, too.
"""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PART_SUFFIX = '.part'
MAX_NAME = 230  # bytes; a file system allows 255 with what is added


def write_whole(content: bytes, path: Path) -> None:
    """Write ``content`` to ``path``; missing folders are made.

    The message of an OSError has path, size and remedy; what was there is untouched.
    """
    try:
        with streamed_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise OSError(
            error.errno,
            f'{path}: could not be written ({len(content)} bytes): {error.strerror}. '
            'Nothing that was there before has been touched; free space or mend the '
            'permissions of the folder, or choose another one (--work-dir, --out)',
        ) from error


@contextmanager
def streamed_file(path: str | Path) -> Iterator[Path]:
    """Yield a hidden name in the same folder; without an error it becomes ``path``.

    For files too large for memory; the block must have closed its file when it ends.
    """
    path = Path(path)
    name = path.name
    if len(os.fsencode(name)) > MAX_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    part = path.with_name(f'.{name}.{os.getpid()}{PART_SUFFIX}')
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield part
        _flush(part)
        os.replace(part, path)
        _flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no fsync of a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_parts(folder: Path) -> list[str]:
    """Remove what killed writes have left in ``folder``; return the names."""
    parts = sorted(folder.glob(f'.*{PART_SUFFIX}'))
    for part in parts:
        part.unlink(missing_ok=True)
    return [part.name for part in parts]
