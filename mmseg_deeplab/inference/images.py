"""Read an image file as networks see it: RGB, upright, 8 bits."""

import os

import cv2
import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands
from mmseg_deeplab.utils.image_files import decode, read_file
from mmseg_deeplab.utils.image_formats import MAX_PIXELS, read_header

IMAGE_SUFFIXES = (
    '.bmp', '.gif', '.jfif', '.jpeg', '.jpg', '.jpe', '.jp2', '.pbm', '.pgm', '.png',
    '.ppm', '.tif', '.tiff', '.webp',
)  # fmt: skip


def is_image(path: str | os.PathLike) -> bool:
    """Tell by the suffix whether a file, which need not exist, is an image."""
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES


def read_image(
    source: str | os.PathLike | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = 'the image',
) -> np.ndarray:
    """Read an image as the pipelines of training and evaluation do: RGB, uint8.

    OpenCV decodes it as ``LoadCheckedImage`` does: the EXIF orientation turns it
    upright, of 16 bits the upper 8 are kept, grey and palette images become RGB, and
    alpha is left out. ``source`` is a path, an address of mmengine's storage backends,
    or the bytes, which messages call ``name``. What cannot be read is a ValueError.
    """
    if isinstance(source, bytes):
        content = source
    else:
        name = os.fspath(source)
        content = read_file(name, remedy='check the path')
    bgr = decode(content, name, flag='color', backend='cv2', max_pixels=max_pixels)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # ten times faster than NumPy


def header_size(path: str | os.PathLike) -> tuple[int, int] | None:
    """Return width and height by the header of a file, None if it is no image."""
    try:
        with open(path, 'rb') as file:
            header = read_header(file, str(path))
    except ValueError:  # the decoder will say what is wrong
        return None
    return header.width, header.height


def check_image(image: np.ndarray, bands: ImageBands | None = None) -> None:
    """Raise TypeError or InputError for what a network cannot take.

    That is RGB ``(H, W, 3)`` uint8, or ``(H, W, C)`` uint8 or float32 of ``bands``.
    """
    kind = getattr(image, 'dtype', type(image).__name__)
    kinds = ('uint8',) if bands is None else ('uint8', 'float32')
    if str(kind) not in kinds:
        raise TypeError(f'an image must be an array of {kinds[0]}, received {kind}')
    channels = 3 if bands is None else len(bands.numbers)
    if image.ndim != 3 or image.shape[2] != channels or not image.size:
        name = 'RGB' if bands is None else f'of {channels} bands'
        raise InputError(
            f'an image must be {name}, (H, W, {channels}) and not empty, received '
            f'{image.shape}'
        )
