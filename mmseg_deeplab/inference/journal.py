"""Which inputs are done: one line for each in a file of the output folder."""

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .inputs import InputFile

JOURNAL = 'infer.done.jsonl'


class Journal:
    """The finished and the failed inputs of a folder, of all processes and runs.

    A line is appended when all outputs of an input are on the disk. It says which file
    they came from, of what size and date, so that an input that has changed is
    predicted again, and one that merely has the name of an earlier one is noticed.

    Args:
        folder: Of the outputs.
        settings: Digest of what predictions depend on; lines of others do not count.
        run: Name of this run: its failures are not tried again within it.
        fresh: Count only what this run has done.
    """

    def __init__(
        self, folder: str | os.PathLike, *, settings: str, run: str, fresh: bool = False
    ) -> None:
        self.folder = Path(folder)
        self._settings, self._run, self._fresh = settings, run, fresh
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
        self._file = os.open(self.folder / JOURNAL, flags, 0o666)
        self._read_to, self._rest = 0, b''
        self._entries: dict[str, dict[str, Any]] = {}
        self._news: list[str] = []
        self._lock = threading.Lock()
        self.refresh()

    def refresh(self) -> None:
        """Read what other processes have added."""
        with self._lock:
            while chunk := os.pread(self._file, 1 << 20, self._read_to):
                self._read_to += len(chunk)
                *lines, self._rest = (self._rest + chunk).split(b'\n')
                for line in lines:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except ValueError:  # half a line of a machine that lost its power
            return
        of_this = entry['settings'] == self._settings
        of_run = entry['run'] == self._run
        if of_this and (of_run or not (self._fresh or 'error' in entry)):
            self._entries[entry['name']] = entry
            self._news.append(entry['name'])

    def news(self) -> list[str]:
        """Return the names of the inputs that were settled since the last call."""
        self.refresh()
        with self._lock:
            news, self._news = self._news, []
        return news

    def is_done(self, item: InputFile, parts: Iterable[str]) -> bool:
        """Whether an input, as it is now, has these outputs.

        Args:
            item: The input.
            parts: Kinds of outputs, such as ``'labels'``.
        """
        entry = self._entries.get(item.name)
        return (
            entry is not None
            and 'error' not in entry
            and _same_content(entry['input'], _identity(item.path))
            and set(parts) <= set(entry['parts'])
            and all((self.folder / path).is_file() for path in entry['outputs'])
        )

    def failure(self, item: InputFile) -> str | None:
        """Return why an input failed in this run, None if it did not.

        Args:
            item: The input.
        """
        return self._entries.get(item.name, {}).get('error')

    def check_names(self, items: Iterable[InputFile]) -> None:
        """Refuse inputs whose outputs would replace those of other inputs.

        Args:
            items: All inputs of the run.

        Raises:
            ValueError: With both paths.
        """
        for item in items:
            before = self._entries.get(item.name, {}).get('input')
            now = _identity(item.path)
            if (
                before is not None
                and before['path'] != item.path
                and not _same_content(before, now)  # it has been moved
            ):
                raise ValueError(
                    f'{self.folder}: {item.name!r} is the prediction of '
                    f'{before["path"]}, and would now be that of {item.path}. Remedy: '
                    'give another --out, or --overwrite'
                )

    def add(
        self, item: InputFile, *, parts: Sequence[str], outputs: Sequence[Path]
    ) -> None:
        """Note that an input is done.

        Args:
            item: The input.
            parts: Kinds of outputs.
            outputs: Their files, which are on the disk.
        """
        paths = [path.relative_to(self.folder).as_posix() for path in outputs]
        self._append(item, parts=list(parts), outputs=paths)

    def add_failure(self, item: InputFile, reason: str) -> None:
        """Note that an input cannot be predicted.

        Args:
            item: The input.
            reason: Why.
        """
        self._append(item, error=reason)

    def _append(self, item: InputFile, **fields: Any) -> None:
        entry = dict(
            name=item.name,
            input=_identity(item.path),
            settings=self._settings,
            run=self._run,
            **fields,
        )
        line = json.dumps(entry).encode() + b'\n'
        with self._lock:
            # Appending is atomic on local disks only.
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                os.write(self._file, line)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
        self.refresh()  # it reads its own lines, too

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _same_content(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether size and date agree; a file that was moved keeps both."""
    return all(one.get(key) == other.get(key) for key in ('size', 'modified'))


def _identity(path: str) -> dict[str, Any]:
    try:
        status = os.stat(path)
    except OSError:
        return dict(path=path)
    return dict(path=path, size=status.st_size, modified=status.st_mtime_ns)
