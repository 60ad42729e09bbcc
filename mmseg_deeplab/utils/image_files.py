"""Read and decode one image file, and refuse it with a reason where it is broken.

OpenCV 4 decodes a truncated JPEG without complaint: the missing rows are grey. Some
decoders pass over the checksums of a PNG. Therefore a file is looked at before it is
decoded, which costs little.
"""

import io
import os
import os.path as osp
import re
import struct
import unicodedata
import zlib

import mmcv
import numpy as np
from mmengine import fileio
from PIL import Image, ImageFile

from .data_file_errors import (
    DamagedFileError,
    TruncatedFileError,
    UnreadableFileError,
)
from .image_formats import (
    MAX_PIXELS,
    PNG_DEPTH,
    PNG_START,
    check_header,
    image_format,
    read_header,
    why_unreadable,
)

JPEG_START, JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'  # ITU-T T.81, SOI and EOI
# In the data of a scan no other byte than these follows 0xFF (ITU-T T.81, B.1.1).
JPEG_MARKER = re.compile(rb'\xff[^\x00\xff\xd0-\xd7]')
JPEG_BASELINE, JPEG_EXTENDED, JPEG_SCAN = 0xC0, 0xC1, 0xDA  # SOF0, SOF1 and SOS
# A progressive file has some ten scans. Each costs as much as the whole image.
MAX_SCANS = 100
WEBP_CHUNKS = 100_000  # bytes that hold the name of the data, after a colour profile
PNG_END = b'IEND\xaeB`\x82'  # type and CRC of IEND
PNG_COLOR_TYPE = 25  # offset of the colour type in IHDR
PNG_GREY, PNG_PALETTE, PNG_GREY_ALPHA = 0, 3, 4  # colour types


def read_file(path: str, *, remedy: str, backend_args: dict | None = None) -> bytes:
    """Read a whole file, by its name or an address of mmengine's storage backends.

    ``remedy`` is what the error of a missing file tells to do. Empty files, folders,
    pipes and devices are refused.
    """
    if osp.exists(path) and not osp.isfile(path):
        raise UnreadableFileError(
            f'{path}: is a folder, a pipe or a device. Remedy: give a file, or leave '
            'it out.'
        )
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
    if '://' in path:
        return 'Nothing is at this address.'
    if not osp.isdir(folder):
        return f'The folder {folder!r} does not exist (seen from {os.getcwd()}).'
    stem = _composed(osp.splitext(name)[0])
    others = sorted(
        f for f in os.listdir(folder) if _composed(osp.splitext(f)[0]) == stem
    )
    if others and _composed(others[0]) == _composed(name):
        return f'The folder holds {others[0]!a}, which only looks the same.'
    if others:
        return f'The folder holds {others[0]!r} instead.'
    return 'The folder exists.'


def _composed(name: str) -> str:
    return unicodedata.normalize('NFC', name)


def check_whole(content: bytes, path: str) -> None:
    """Check the structure of a JPEG or PNG file, and the checksums of a PNG.

    A file with bytes after its end (a padded copy, a motion photo) is whole: such a
    JPEG is decoded once more, by Pillow, to be sure.
    """
    whole = True
    if content.startswith(JPEG_START):
        _check_scans(content, path)
        whole = content.endswith(JPEG_END) or _pillow_loads(content)
    elif content.startswith(PNG_START):
        whole = content.endswith(PNG_END) or PNG_END in content
        if whole:
            _check_chunks(content, path)
    if not whole:
        raise TruncatedFileError(
            f'{path}: the file is truncated: it ends after {len(content)} bytes, '
            'before the image does. Remedy: copy, download or export it again.'
        )


def _check_chunks(content: bytes, path: str) -> None:
    """Compare the CRC-32 of every chunk (PNG specification, 5.3) up to the last."""
    view, at, kind = memoryview(content), len(PNG_START), b''
    while kind != b'IEND':
        head = content[at : at + 8].ljust(8, b'\0')
        length, kind = struct.unpack('>I4s', head)
        end = at + 8 + length
        if content[end : end + 4] != struct.pack('>I', zlib.crc32(view[at + 4 : end])):
            raise DamagedFileError(
                f'{path}: the file is damaged: the checksum of the part {kind!r} at '
                f'byte {at} is wrong. Remedy: copy, download or export it again.'
            )
        at = end + 4


def _check_scans(content: bytes, path: str) -> None:
    """Count the scans of a JPEG file; decoders read one alone in most files."""
    at, scans, components = 2, 0, b''
    while match := JPEG_MARKER.search(content, at):
        marker, at = match.group()[1], match.end()
        if marker == JPEG_END[1]:
            break
        if marker in (JPEG_BASELINE, JPEG_EXTENDED):
            components = content[at + 7 : at + 8]  # how many there are
        if marker == JPEG_SCAN:
            scans += 1
            if components == content[at + 2 : at + 3]:  # all are in this scan
                break
        if scans > MAX_SCANS:
            raise UnreadableFileError(
                f'{path}: a JPEG file of more than {MAX_SCANS} scans, which takes '
                'hours to decode. Remedy: export it again.'
            )
        at += int.from_bytes(content[at : at + 2])


def _pillow_loads(content: bytes) -> bool:
    """Decode a JPEG file strictly; one of too many pixels is refused later."""
    parser = ImageFile.Parser()
    try:
        parser.feed(content)
        parser.close()
    except (OSError, SyntaxError):
        return False
    except Image.DecompressionBombError:
        pass
    return True


def decode(
    content: bytes, path: str, *, flag: str, backend: str, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Decode a file to ``(H, W)`` or ``(H, W, C)``; see :func:`mmcv.imfrombytes`.

    What is not whole, or of another format than SIGNATURES of ``image_formats``, has
    more than ``max_pixels``, or holds several images, is an error of
    ``data_file_errors``.
    """
    check_whole(content, path)
    check_header(read_header(io.BytesIO(content), path), path, max_pixels)
    try:
        array = mmcv.imfrombytes(content, flag=flag, backend=backend)
    except Exception as error:  # each decoder has its own set of exceptions
        raise UnreadableFileError(why_unreadable(content, path, repr(error))) from error
    if array is None:
        raise UnreadableFileError(why_unreadable(content, path, 'no image in it'))
    return array


def png_bit_depth(content: bytes) -> int | None:
    """Bits per sample of a PNG file; None for anything else."""
    return content[PNG_DEPTH] if _has_png_header(content) else None


def png_color_type(content: bytes) -> int | None:
    """Colour type of a PNG file; None for anything else."""
    return content[PNG_COLOR_TYPE] if _has_png_header(content) else None


def _has_png_header(content: bytes) -> bool:
    return content.startswith(PNG_START) and len(content) > PNG_COLOR_TYPE


def is_lossy(content: bytes) -> bool:
    """Whether the values of an image are not exactly those that were written."""
    kind = image_format(content)
    return kind == 'JPEG' or (kind == 'WEBP' and b'VP8L' not in content[:WEBP_CHUNKS])
