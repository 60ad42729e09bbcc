"""One process at a time works in a folder."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InputError


@contextmanager
def folder_lock(folder: str | Path, work: str) -> Iterator[None]:
    """Hold the lock of a folder for some ``work`` during the block.

    The system releases it when the process has ended, however it ended, and workers
    that are forked do not inherit it. Where file systems have no locks, there is none.
    """
    path = Path(folder) / f'.{work}.lock'
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a+') as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            file.seek(0)
            raise InputError(
                f'{folder}: another {work} is at work in this folder '
                f'({file.read().strip() or "unknown"}), and each would spoil what the '
                'other one writes. Remedy: another folder, or end the other one'
            ) from None
        except OSError:  # no locks here
            pass
        file.truncate(0)
        file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
        file.flush()
        yield
