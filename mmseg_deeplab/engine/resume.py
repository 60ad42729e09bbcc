"""Which checkpoint a training goes on from: the newest one that is whole."""

import logging
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.logging import print_log

from mmseg_deeplab.checkpoints import load

# What `mmengine.runner.Runner.resume` cannot do without.
RESUME_KEYS = frozenset({'meta', 'state_dict', 'message_hub'})


class Checkpoint(NamedTuple):
    """A checkpoint to go on from.

    Attributes:
        path: The file.
        meta: Its ``meta`` entry: ``iter``, ``epoch``, ``seed``, ...
    """

    path: Path
    meta: dict[str, Any]


def numbered_checkpoints(
    folder: Path, template: str = 'iter_{}.pth'
) -> list[tuple[int, Path]]:
    """List the checkpoints of a folder, lowest number first.

    Args:
        folder: Need not exist.
        template: File name with one ``{}`` for the iteration or epoch.

    Returns:
        Pairs of number and path.
    """
    head, tail = template.split('{}')
    pattern = re.compile(rf'{re.escape(head)}(\d+){re.escape(tail)}')
    if not folder.is_dir():
        return []
    matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return sorted((int(match[1]), path) for match, path in matches if match)


def newest_whole_checkpoint(
    folder: Path, template: str = 'iter_{}.pth'
) -> Checkpoint | None:
    """Find the newest checkpoint in ``folder`` that a training can go on from.

    mmengine believes the text file ``last_checkpoint``, which may be older than the
    newest checkpoint, empty, or name a file that is gone or truncated. Here the
    numbers in the names decide, and each candidate is read: one that is damaged or
    incomplete is passed over with a warning that names it.

    Args:
        folder: Need not exist.
        template: File name with one ``{}`` for the iteration or epoch.

    Returns:
        The checkpoint, or None if there is no whole one.

    Raises:
        ValueError: If an undamaged file is refused because it would run code.
    """
    for _, path in reversed(numbered_checkpoints(folder, template)):
        if fault := archive_fault(path):
            _skip(path, fault)
            continue
        content = load(path)
        if missing := RESUME_KEYS - content.keys():
            _skip(path, f'without {sorted(missing)}: weights, not a training state')
            continue
        return Checkpoint(path, content['meta'])
    return None


def archive_fault(path: Path) -> str | None:
    """Say what is wrong with the archive that ``torch.save`` makes.

    The directory of a zip archive is at its end, so a truncated file has none; the
    checksums tell of changed bytes.

    Args:
        path: A file.

    Returns:
        The fault in words, or None if every byte is as it was written.
    """
    if not zipfile.is_zipfile(path):
        return f'{path.stat().st_size} bytes that are truncated or no checkpoint'
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        return f'damaged ({error})'
    return f'damaged (checksum of {damaged})' if damaged else None


def _skip(path: Path, fault: str) -> None:
    print_log(
        f'{path} is passed over for resuming: {fault}',
        logger='current',
        level=logging.WARNING,
    )
