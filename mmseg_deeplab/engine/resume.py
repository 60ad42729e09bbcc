"""The checkpoint from which a training is resumed: the newest one that is whole."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log

from mmseg_deeplab.checkpoints import load

# `mmengine.runner.Runner.resume` needs these.
RESUME_KEYS = frozenset({'meta', 'state_dict', 'message_hub'})


class Checkpoint(NamedTuple):
    """A checkpoint that a training can be resumed from."""

    path: Path
    meta: dict[str, Any]  # iter, epoch, seed, ...


def numbered_checkpoints(
    folder: Path, template: str = 'iter_{}.pth'
) -> list[tuple[int, Path]]:
    """List the checkpoints of a folder as pairs of number and path, in order."""
    head, tail = template.split('{}')
    pattern = re.compile(rf'{re.escape(head)}(\d+){re.escape(tail)}')
    paths = folder.iterdir() if folder.is_dir() else ()
    matches = [(pattern.fullmatch(path.name), path) for path in paths]
    return sorted((int(match[1]), path) for match, path in matches if match)


def newest_whole_checkpoint(
    folder: Path, template: str = 'iter_{}.pth'
) -> Checkpoint | None:
    """Find the newest checkpoint that a training can be resumed from, or None.

    mmengine trusts the text file ``last_checkpoint``, which may be older than the
    newest checkpoint, be empty, or name a file that is gone or truncated. Here the
    numbers in the names decide, and each candidate is read: damaged and incomplete ones
    are skipped with a warning that names them. An undamaged file that would run code is
    an error.
    """
    for _, path in reversed(numbered_checkpoints(folder, template)):
        fault = archive_fault(path)
        if not fault:
            content = load(path)
            if not (missing := RESUME_KEYS - content.keys()):
                return Checkpoint(path, content['meta'])
            fault = f'without {sorted(missing)}: weights, not a training state'
        print_log(
            f'{path} is passed over for resuming: {fault}',
            logger='current',
            level=logging.WARNING,
        )
    return None


def archive_fault(path: Path) -> str | None:
    """Say what is wrong with the zip archive of a checkpoint; None if it is whole.

    The directory of an archive is at its end, so a truncated file has none; checksums
    reveal changed bytes.
    """
    if not zipfile.is_zipfile(path):
        return f'{path.stat().st_size} bytes that are truncated or no checkpoint'
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        return f'damaged ({error})'
    return f'damaged (checksum of {damaged})' if damaged else None
