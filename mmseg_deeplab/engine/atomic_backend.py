"""A storage backend whose files are whole or not there, for checkpoints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from mmseg_deeplab.utils.atomic_files import write_whole


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage whose files appear under their name only when complete.

    mmengine's ``LocalBackend`` writes in place: a killed process leaves a truncated
    file under the final name. This one writes by :func:`write_whole`. It is used with
    ``backend_args=dict(backend='atomic_local')`` wherever mmengine takes these.
    """

    def __init__(self) -> None:
        self._held: dict[Path, Callable[[Path], None]] | None = None

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, whole or not at all."""
        write_whole(obj, Path(filepath))

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text, whole or not at all."""
        write_whole(obj.encode(encoding), Path(filepath))

    def remove(self, filepath: str | Path) -> None:
        """Remove a file; inside :meth:`removals_last` only at the block's end."""
        self._remove(Path(filepath), super().remove)

    def rmtree(self, dir_path: str | Path) -> None:
        """Remove a folder; inside :meth:`removals_last` only at the block's end."""
        self._remove(Path(dir_path), super().rmtree)

    def _remove(self, path: Path, removal: Callable[[Path], None]) -> None:
        if self._held is None:
            removal(path)
        else:
            self._held[path] = removal

    @property
    def held(self) -> list[Path]:
        """Paths that the end of the block of :meth:`removals_last` will remove."""
        return list(self._held or {})

    @contextmanager
    def removals_last(self) -> Iterator[None]:
        """Hold back all removals until the block has ended without an error.

        After an error nothing is removed. Of nested blocks the outermost one counts.
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
