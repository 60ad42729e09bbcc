"""Read and decode one image file, and refuse it with a reason where it is broken.

OpenCV 4 decodes a truncated JPEG without complaint: the missing rows are grey.
Therefore the end of the file is looked at before it is decoded; that costs nothing.
"""

import io
import os
import os.path as osp

import mmcv
import numpy as np
from mmengine import fileio
from PIL import Image, ImageFile

from .data_file_errors import TruncatedFileError, UnreadableFileError

JPEG_START, JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'  # ITU-T T.81, SOI and EOI
PNG_START, PNG_END = b'\x89PNG\r\n\x1a\n', b'IEND\xaeB`\x82'  # type and CRC of IEND
PNG_DEPTH, PNG_COLOR_TYPE = 24, 25  # offsets of these bytes of IHDR
PNG_GREY, PNG_PALETTE, PNG_GREY_ALPHA = 0, 3, 4  # colour types

# How files begin that are often found in the place of an image.
IMPOSTORS = {
    b'version https://git-lfs': 'a Git LFS pointer: run `git lfs pull`',
    b'<': 'a web page or XML, not an image: download the file again',
    b'PK': 'an archive: unpack it',
    b'\x1f\x8b': 'an archive: unpack it',
}


def read_file(path: str, *, remedy: str, backend_args: dict | None = None) -> bytes:
    """Read a whole file, by its name or an address of mmengine's storage backends.

    ``remedy`` is what the error of a missing file tells to do.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreadableFileError: If the file is empty.
    """
    try:
        content = fileio.get(path, backend_args=backend_args)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f'{path}: no such file. {_why_missing(path)} Remedy: {remedy}.'
        ) from error
    if not content:
        raise UnreadableFileError(
            f'{path}: the file is empty (0 bytes). '
            'Remedy: copy, download or export it again.'
        )
    return content


def _why_missing(path: str) -> str:
    folder, name = osp.split(path)
    if not osp.isdir(folder):
        return f'The folder {folder!r} does not exist (seen from {os.getcwd()}).'
    stem = osp.splitext(name)[0]
    others = sorted(f for f in os.listdir(folder) if osp.splitext(f)[0] == stem)
    if others:
        return f'The folder holds {others[0]!r} instead.'
    return 'The folder exists.'


def check_whole(content: bytes, path: str) -> None:
    """Raise TruncatedFileError for a JPEG or PNG file that ends too early.

    A file with bytes after its end (a padded copy, a motion photo) is whole: such a
    JPEG is decoded once more, by Pillow, to be sure.
    """
    if content.startswith(JPEG_START):
        whole = content.endswith(JPEG_END) or _pillow_loads(content)
    elif content.startswith(PNG_START):
        whole = content.endswith(PNG_END) or PNG_END in content
    else:
        return
    if not whole:
        raise TruncatedFileError(
            f'{path}: the file is truncated: it ends after {len(content)} bytes, '
            'before the image does. Remedy: copy, download or export it again.'
        )


def _pillow_loads(content: bytes) -> bool:
    tolerant = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        Image.open(io.BytesIO(content)).load()
    except (OSError, SyntaxError):
        return False
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant
    return True


def decode(content: bytes, path: str, *, flag: str, backend: str) -> np.ndarray:
    """Decode a file to ``(H, W)`` or ``(H, W, C)``; see :func:`mmcv.imfrombytes`.

    Raises:
        TruncatedFileError: If a JPEG or PNG file ends too early.
        UnreadableFileError: If the decoder cannot read the file.
    """
    check_whole(content, path)
    try:
        array = mmcv.imfrombytes(content, flag=flag, backend=backend)
    except Exception as error:  # each decoder has its own set of exceptions
        raise UnreadableFileError(
            _why_unreadable(content, path, repr(error))
        ) from error
    if array is None:
        raise UnreadableFileError(_why_unreadable(content, path, 'no image in it'))
    return array


def _why_unreadable(content: bytes, path: str, reason: str) -> str:
    remedy = 'export it again as PNG or JPEG, or download it again'
    for start, guess in IMPOSTORS.items():
        if content.lstrip().startswith(start):
            remedy = f'this is {guess}'
    return (
        f'{path}: not a readable image ({reason}); the file has {len(content)} bytes '
        f'and begins with {content[:16]!r}. Remedy: {remedy}.'
    )


def png_bit_depth(content: bytes) -> int | None:
    """Bits per sample of a PNG file; None for any other format."""
    return content[PNG_DEPTH] if content.startswith(PNG_START) else None


def png_color_type(content: bytes) -> int | None:
    """Colour type of a PNG file; None for any other format."""
    return content[PNG_COLOR_TYPE] if content.startswith(PNG_START) else None
