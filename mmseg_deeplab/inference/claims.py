"""Who works on what: claims of processes that vanish with their process."""

import fcntl
import hashlib
import os
from pathlib import Path

LOCK = '.infer.lock'


class Claims:
    """Claims on names, shared by all processes that write into one folder.

    One byte of a lock file stands for each name. The kernel lets go of a process's
    record locks when it ends, however it ends, so that what a dead process had claimed
    is free at once; network file systems know these locks, too. Within one process a
    name can be claimed again: it has one owner, the process.

    Args:
        folder: Made when needed.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        path = Path(folder) / LOCK
        path.parent.mkdir(parents=True, exist_ok=True)
        # Closing any descriptor of the file would drop all locks: there is one.
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)

    def take(self, name: str) -> bool:
        """Claim a name; False if another process has it.

        Args:
            name: Anything.

        Raises:
            OSError: If the file system has no locks.
        """
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _offset(name))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def release(self, name: str) -> None:
        """Let go of a name.

        Args:
            name: As taken.
        """
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _offset(name))

    def close(self) -> None:
        """Let go of everything."""
        os.close(self._file)


def _offset(name: str) -> int:
    """Return a place in the file; with 62 bits no two of a billion names share one."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], 'big') >> 2
