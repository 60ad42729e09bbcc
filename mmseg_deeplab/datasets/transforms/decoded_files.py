"""Decoded images in a folder, so that each file is decoded once and not every epoch."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole


class DecodedFiles:
    """Arrays of decoded files, kept uncompressed as ``.npy``.

    To inflate a PNG file of 2048x1024 takes some twenty times as long as to read the
    array from memory, where the system keeps it while there is room. An entry belongs
    to path, size and date of its file: a file that is replaced is decoded anew. The
    folder only grows; delete it when it is no longer needed.

    Args:
        folder: Made when needed; 6.3 MB for each RGB image of 2048x1024. None keeps
            nothing.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = folder and Path(folder)

    def get(
        self, path: str, decode: Callable[[], np.ndarray], *, setting: str
    ) -> np.ndarray:
        """Return the array of a file; ``setting`` names what else decides about it."""
        if not self.folder:
            return decode()
        if '://' in path:
            raise ValueError(
                f'{path}: cache_dir needs files on this machine, whose date tells when '
                'they change. Remedy: leave cache_dir out, or copy the data here'
            )
        try:
            status = os.stat(path)
        except OSError:
            return decode()  # which says what is wrong
        key = f'{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}|{setting}'
        name = hashlib.sha256(key.encode()).hexdigest()
        file = self.folder / name[:2] / f'{name[2:]}.npy'
        if not file.exists():
            content = io.BytesIO()
            np.save(content, decode())
            write_whole(content.getvalue(), file)
        return np.load(file)
