"""Files that are whole or not there: a storage backend for checkpoints."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

PART_SUFFIX = '.part'


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage whose files appear under their name only when complete.

    mmengine's ``LocalBackend`` writes in place: a killed process leaves a truncated
    file under the final name. Here the bytes go to a hidden file in the same
    folder, are flushed to the disk, and are renamed; then the folder is flushed, so
    that the name survives a power failure, too. Used with
    ``backend_args=dict(backend='atomic_local')`` wherever mmengine takes such.
    """

    def __init__(self) -> None:
        self._held: dict[Path, Callable[[Path], None]] | None = None

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to ``filepath``, whole or not at all.

        Args:
            obj: The content.
            filepath: Where to; missing folders are made.

        Raises:
            OSError: If the disk is full, or the folder cannot be written to; what
                was at ``filepath`` before is untouched.
        """
        write_whole(obj, Path(filepath))

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text to ``filepath``, whole or not at all; see :meth:`put`."""
        write_whole(obj.encode(encoding), Path(filepath))

    def remove(self, filepath: str | Path) -> None:
        """Remove a file; inside :meth:`removals_last` only at the block's end."""
        self._now_or_later(Path(filepath), super().remove)

    def rmtree(self, dir_path: str | Path) -> None:
        """Remove a folder; inside :meth:`removals_last` only at the block's end."""
        self._now_or_later(Path(dir_path), super().rmtree)

    def _now_or_later(self, path: Path, removal: Callable[[Path], None]) -> None:
        if self._held is None:
            removal(path)
        else:
            self._held[path] = removal

    @property
    def held(self) -> list[Path]:
        """What the end of the current block of :meth:`removals_last` will remove."""
        return list(self._held or {})

    @contextmanager
    def removals_last(self) -> Iterator[None]:
        """Hold back all removals until the block has ended without an error.

        After an error nothing is removed. Blocks may be nested; the outermost one
        counts.
        """
        if self._held is not None:
            yield
            return
        self._held = {}
        try:
            yield
            for path, removal in self._held.items():
                removal(path)
        finally:
            self._held = None


def write_whole(content: bytes, path: Path) -> None:
    """Write ``content`` to ``path`` through a hidden file beside it.

    Args:
        content: The bytes.
        path: The final name; missing folders are made.

    Raises:
        OSError: With the path, the size and what to do.
    """
    part = path.with_name(f'.{path.name}.{os.getpid()}{PART_SUFFIX}')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, 'wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise OSError(
            error.errno,
            f'{path}: could not be written ({len(content)} bytes): {error.strerror}. '
            'Nothing that was there before has been touched; free space or mend the '
            'permissions of the folder, or choose another one (--work-dir, --out)',
        ) from error


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no fsync of a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_parts(folder: Path) -> list[str]:
    """Remove what writes that were killed have left in ``folder``.

    Only for the one process that writes there.

    Args:
        folder: Where checkpoints are written; need not exist.

    Returns:
        The names of the files removed.
    """
    parts = sorted(folder.glob(f'.*{PART_SUFFIX}'))
    for part in parts:
        part.unlink(missing_ok=True)
    return [part.name for part in parts]
