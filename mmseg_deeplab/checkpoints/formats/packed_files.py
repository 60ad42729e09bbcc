"""The ``.tar.gz`` in which checkpoints of TensorFlow are published."""

import gzip
import re
import tarfile
import zlib
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError

GZIP, TAR, TAR_AT = b'\x1f\x8b', b'ustar', 257
BLOCK = 1 << 20
MOST_INFLATED = 20  # times the size of the file; weights hardly shrink at all
CHECKPOINT = re.compile(r'[^/]+\.(index|meta|data-\d{5}-of-\d{5})')


def is_packed(path: Path) -> bool:
    """Whether a file begins as a ``.gz`` or a ``.tar``."""
    if not path.is_file():
        return False
    with open(path, 'rb') as file:
        start = file.read(TAR_AT + len(TAR))
    return start.startswith(GZIP) or start[TAR_AT:] == TAR


def unpack(path: Path, folder: Path) -> None:
    """Put the files of a checkpoint into a folder, and no others of the archive.

    Raises:
        InputError: If it is damaged, or inflates to more than weights can.
    """
    try:
        with open(path, 'rb') as file:
            is_tar = file.read(len(GZIP)) != GZIP
        plain = path if is_tar else _inflated(path, folder / 'archive.tar')
        with tarfile.open(plain, 'r:') as archive:
            for member in archive:
                name = Path(member.name).name
                if member.isreg() and not member.sparse and CHECKPOINT.fullmatch(name):
                    member.name = name
                    archive.extract(member, folder, filter='data')
    except (tarfile.TarError, EOFError, zlib.error, OSError, MemoryError) as error:
        raise InputError(f'{path}: damaged ({error}), download it again') from error


def _inflated(path: Path, target: Path) -> Path:
    most = MOST_INFLATED * path.stat().st_size
    with gzip.open(path) as packed, open(target, 'wb') as out:
        while block := packed.read(BLOCK):
            out.write(block)
            if out.tell() > most:
                raise InputError(
                    f'{path}: inflates to more than {MOST_INFLATED} times its size, '
                    'which weights do not'
                )
    return target
