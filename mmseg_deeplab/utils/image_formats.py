"""Which kind of image a file holds, by its first bytes, and what its header says.

Only the formats listed here reach a decoder, whatever the name of a file says: Pillow
alone would start Ghostscript for EPS, and OpenCV would make floats of HDR.
"""

import io
import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from .data_file_errors import UnreadableFileError

# Large images are expected here, and this package has limits of its own. A
# `catch_warnings` around the calls would not be safe with threads.
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)
warnings.filterwarnings('ignore', module=r'PIL\.TiffImagePlugin')

PNG_START = b'\x89PNG\r\n\x1a\n'
PNG_DEPTH = 24  # offset of the bit depth in IHDR
# Pillow's names of the formats that are read, and how their files begin.
SIGNATURES = {
    'JPEG': (b'\xff\xd8\xff',),
    'PNG': (PNG_START,),
    'TIFF': (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'),
    'BMP': (b'BM',),
    'GIF': (b'GIF87a', b'GIF89a'),
    'WEBP': (b'RIFF',),
    'JPEG2000': (b'\0\0\0\x0cjP  \r\n\x87\n', b'\xff\x4f\xff\x51'),
    'PPM': tuple(b'P%d%c' % (n, end) for n in range(1, 7) for end in b' \t\r\n#'),
}
START_LENGTH = 132  # bytes that tell the format; DICOM's are the last four
# What is often found in the place of an image: offset, bytes, and what it is.
FOREIGN = (
    (0, b'version https://git-lfs', 'a Git LFS pointer: run `git lfs pull`'),
    (0, b'<svg', 'a drawing (SVG): export it as PNG'),
    (0, b'<', 'a web page or XML, not an image: download the file again'),
    (0, b'PK', 'an archive: unpack it'),
    (0, b'\x1f\x8b', 'an archive: unpack it'),
    (4, b'ftyp', 'a HEIC or AVIF photo or a video: convert it (magick FILE FILE.png)'),
    (128, b'DICM', 'a DICOM file: export its image as PNG (dcm2img FILE FILE.png)'),
    (0, b'%!PS', 'an EPS drawing: export it as PNG'),
    (0, b'\xc5\xd0\xd3\xc6', 'an EPS drawing: export it as PNG'),
    (0, b'%PDF', 'a PDF: export its pages as PNG (pdftoppm -png FILE page)'),
    (0, b'#?', 'an image of high dynamic range: export it as PNG with 8 bits'),
)
# The most pixels that are decoded as a whole: Pillow refuses more, too.
MAX_PIXELS = 2 * Image.MAX_IMAGE_PIXELS
MAX_PIXEL_BYTES = 8  # four channels of 16 bits
MAX_TILE = 4096  # px: a tile of a TIFF file may be as long, or as long as the image
UNKNOWN_SIZE = (1 << 31, 1 << 31)  # beyond MAX_PIXELS Pillow does not tell the size

BIG_TIFF = 43  # version of a BigTIFF file
# Tags of TIFF 6.0.
REDUCED_OR_MASK = 0b101  # bits of NewSubfileType
EXTRA_SAMPLES, ALPHA = 338, (1, 2)  # the tag, and its values for an alpha band
SUBFILE_TYPE, WIDTH, HEIGHT, BITS, SAMPLES = 254, 256, 257, 258, 277
ORIENTATION, TILE_WIDTH, TILE_HEIGHT = 274, 322, 323
INKS, PHOTOMETRIC = 5, 262  # CMYK is a value of PhotometricInterpretation
NO_TILES = ((TILE_WIDTH, 0), (TILE_HEIGHT, 0))


@dataclass(frozen=True)
class ImageHeader:
    """What is known of an image before it is decoded."""

    format: str  # a key of SIGNATURES
    width: int
    height: int
    several: bool = False  # whether the file holds more than one image
    channels: int = 4
    bands: int = 3  # of a TIFF file, without alpha; inks become three colours
    bits: int = 8  # of a sample
    tile: tuple[int, int] = (0, 0)  # width and height of a tile of a TIFF file


def image_format(start: bytes) -> str | None:
    """Tell the format from the first bytes of a file; None if it is not read."""
    for name, signatures in SIGNATURES.items():
        if start.startswith(signatures):
            return name if name != 'WEBP' or start[8:12] == b'WEBP' else None
    return None


def foreign_kind(start: bytes) -> str | None:
    """Name what is no image of these formats, and what to do with it."""
    for offset, signature, kind in FOREIGN:
        if start[offset:].lstrip().startswith(signature):
            return kind
    return None


def read_header(stream: BinaryIO, path: str) -> ImageHeader:
    """Read the header of an image; UnreadableFileError if that cannot be done."""
    start = stream.read(START_LENGTH)
    stream.seek(0)
    kind = image_format(start)
    if kind is None:
        reason = 'an unknown format' if start else 'it is empty'
        raise UnreadableFileError(why_unreadable(start, path, reason))
    try:
        if kind == 'TIFF':
            return _tiff_header(stream)
        with Image.open(stream, formats=(kind,)) as image:
            # A JPEG file may hold previews and depth maps besides its image.
            several = kind != 'JPEG' and getattr(image, 'is_animated', False)
            bits = start[PNG_DEPTH] if kind == 'PNG' else 8
            return ImageHeader(kind, *image.size, several, bits=bits)
    except Image.DecompressionBombError:
        return ImageHeader(kind, *UNKNOWN_SIZE)
    except Exception as error:  # each format has its own set of exceptions
        message = why_unreadable(start, path, f'its header is damaged: {error!r}')
        raise UnreadableFileError(message) from error


def _tiff_header(stream: BinaryIO) -> ImageHeader:
    """Read TIFF and BigTIFF; Pillow does not open files of many bands."""
    start = stream.read(16)
    is_big = BIG_TIFF in start[2:4]
    directory = ImageFileDirectory_v2(start if is_big else start[:8])
    pages, first, seen = 0, None, set()
    while directory.next and directory.next not in seen and pages < 2:
        seen.add(directory.next)
        stream.seek(directory.next)
        directory.load(stream)
        if WIDTH in directory and not directory.get(SUBFILE_TYPE, 0) & REDUCED_OR_MASK:
            pages += 1
            first = first or dict(directory)
    width, height, samples, *tile = (
        int(first.get(tag, default))
        for tag, default in ((WIDTH, 0), (HEIGHT, 0), (SAMPLES, 1), *NO_TILES)
    )
    bits = first.get(BITS, 1)
    bits = max(bits) if isinstance(bits, tuple) else bits
    bands = samples - sum(kind in ALPHA for kind in first.get(EXTRA_SAMPLES, ()))
    return ImageHeader(
        'TIFF',
        width,
        height,
        several=pages > 1,
        channels=samples,
        bands=3 if first.get(PHOTOMETRIC) == INKS else bands,
        bits=int(bits),
        tile=(tile[0], tile[1]),
    )


def check_header(header: ImageHeader, path: str, max_pixels: int = MAX_PIXELS) -> None:
    """Raise UnreadableFileError for what would cost too much, or is several images."""
    width, height = header.width, header.height
    if width * height > max_pixels:
        size = 'it has' if (width, height) == UNKNOWN_SIZE else f'{width}x{height} are'
        raise UnreadableFileError(
            f'{path}: {size} more than {max_pixels} pixels. Remedy: make the image '
            'smaller, or cut it into tiles (gdal_retile.py)'
        )
    pixel_bytes = header.channels * header.bits / 8
    if width * height * pixel_bytes > max_pixels * MAX_PIXEL_BYTES:
        raise UnreadableFileError(
            f'{path}: {width}x{height} pixels of {pixel_bytes:g} bytes are too many. '
            'Remedy: export the bands that are needed (gdal_translate -b 1 -b 2 -b 3)'
        )
    check_tiles(header, path)
    if header.several:
        raise UnreadableFileError(
            f'{path}: holds several images or frames, and a file is one image. Remedy: '
            'split it (magick FILE frame_%04d.png), or make a video of it (ffmpeg -i '
            'FILE FILE.mp4), which mmseg-deeplab predict reads'
        )


def check_tiles(header: ImageHeader, path: str) -> None:
    """Raise UnreadableFileError for tiles of a TIFF file that are mostly empty."""
    sizes = zip(header.tile, (header.width, header.height), strict=True)
    if any(tile > max(side, MAX_TILE) for tile, side in sizes):
        raise UnreadableFileError(
            f'{path}: its tiles of {header.tile[0]}x{header.tile[1]} pixels are larger '
            f'than the image ({header.width}x{header.height}). Remedy: export it again'
        )


def exif_orientation(content: bytes) -> int:
    """Return how a decoder turns an image, 1 to 8 as in EXIF; 1 leaves it as it is."""
    kind = image_format(content)
    if kind is None or (kind == 'PNG' and b'eXIf' not in content):
        return 1
    try:
        with Image.open(io.BytesIO(content), formats=(kind,)) as image:
            return image.getexif().get(ORIENTATION, 1)
    except Exception:  # the decoder will say what is wrong
        return 1


def why_unreadable(content: bytes, path: str, reason: str) -> str:
    """Compose the message of a file that is no image."""
    guess = foreign_kind(content)
    remedy = 'export it again as PNG or JPEG, or download it again'
    return (
        f'{path}: not a readable image ({reason}); the file begins with '
        f'{content[:16]!r}. Remedy: {f"this is {guess}" if guess else remedy}.'
    )
