"""Hashes of files, and the hash that a published file carries in its name."""

import hashlib
import os
import re
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError

# `name-acadc2f8.pth`: torch.hub's convention, in which MMSegmentation, torchvision and
# this project publish. The digits are the first ones of the SHA-256 of the file.
NAMED_HASH = re.compile(r'-([0-9a-f]{8,64})(?:\.[A-Za-z0-9]+)+')


def sha256(file: str | os.PathLike) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with open(file, 'rb') as opened:
        return hashlib.file_digest(opened, 'sha256').hexdigest()


def named_hash(name: str) -> str | None:
    """Return the hash at the end of a file's name, None if it has none."""
    found = NAMED_HASH.search(name)
    return found[1] if found and found.end() == len(name) else None


def check_hash(file: str | os.PathLike) -> None:
    """Raise InputError if the SHA-256 of a file is not that in its name, if any."""
    file = Path(file)
    expected = named_hash(file.name)
    if expected is None:
        return
    found = sha256(file)
    if not found.startswith(expected):
        raise InputError(
            f'{file} ({file.stat().st_size} bytes): its SHA-256 begins with '
            f'{found[: len(expected)]}, not with {expected} as its name says. The file '
            'is damaged or another one: download it again, or rename it if you trust it'
        )
