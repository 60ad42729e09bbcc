"""A folder for drawn images."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def folder_or_temporary(folder: str | Path | None) -> Iterator[Path]:
    """Give a folder that stays, or one that is removed in the end.

    Args:
        folder: Made if it is not there; None for a temporary one.
    """
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        yield Path(folder)
        return
    with TemporaryDirectory(prefix='benchmark_') as temporary:
        yield Path(temporary)
