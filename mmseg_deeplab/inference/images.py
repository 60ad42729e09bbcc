"""Read an image file as networks see it: RGB, upright, 8 bits."""

import io
import os
import warnings

import numpy as np
from PIL import Image, ImageOps

from mmseg_deeplab.utils.data_file_errors import TruncatedFileError, UnreadableFileError
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import decode, read_file

# Large images are expected here, and this package has limits of its own. A
# `catch_warnings` around the calls would not be safe with threads.
warnings.filterwarnings('ignore', category=Image.DecompressionBombWarning)

IMAGE_SUFFIXES = (
    '.bmp', '.gif', '.jpeg', '.jpg', '.jpe', '.jp2', '.pbm', '.pgm', '.png', '.ppm',
    '.tif', '.tiff', '.webp',
)  # fmt: skip


def is_image(path: str | os.PathLike) -> bool:
    """Tell by the suffix whether a file, which need not exist, is an image."""
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES


def read_image(
    source: str | os.PathLike | bytes,
    *,
    max_pixels: int | None = None,
    name: str = 'the image',
) -> np.ndarray:
    """Read an image as the pipelines of training and evaluation do.

    OpenCV decodes it as ``LoadCheckedImage`` does: the EXIF orientation turns it
    upright, of 16 bits the upper 8 are kept, grey and palette images become RGB, and
    alpha is left out. Pillow reads what OpenCV cannot.

    Args:
        source: A path, the address of a storage backend of mmengine, or the bytes.
        max_pixels: Refuse larger images before they are decoded.
        name: What messages call bytes.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, truncated, no image, or too large.
    """
    if isinstance(source, bytes):
        content = source
    else:
        name = os.fspath(source)
        content = read_file(name, remedy='check the path')
    if max_pixels is not None:
        _check_size(header_size(io.BytesIO(content)), max_pixels, name)
    image = _decode(content, name)
    if max_pixels is not None:
        _check_size(image.shape[1::-1], max_pixels, name)
    return image


def _decode(content: bytes, name: str) -> np.ndarray:
    try:
        bgr = decode(content, name, flag='color', backend='cv2')
    except TruncatedFileError:
        raise
    except UnreadableFileError:
        try:
            with Image.open(io.BytesIO(content)) as image:
                return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
        except Exception:  # each format has exceptions of its own
            pass
        raise
    return np.ascontiguousarray(bgr[..., ::-1])


def header_size(source: str | os.PathLike | io.BytesIO) -> tuple[int, int] | None:
    """Return width and height by the header, None if Pillow knows no such image."""
    try:
        with Image.open(source) as image:
            return image.size
    except Image.DecompressionBombError:  # beyond twice its limit it gives no size
        return (1 << 31, 1 << 31)
    except Exception:  # the decoder will say what is wrong
        return None


def _check_size(size: tuple[int, int] | None, max_pixels: int, name: str) -> None:
    if size is not None and size[0] * size[1] > max_pixels:
        raise InputError(
            f'{name}: {size[0]}x{size[1]} are more than {max_pixels} pixels. Remedy: '
            'make the image smaller, or allow more (max_pixels)'
        )


def check_image(image: np.ndarray) -> None:
    """Raise TypeError or ValueError for what is no RGB image ``(H, W, 3)`` uint8."""
    kind = getattr(image, 'dtype', type(image).__name__)
    if kind != np.uint8:
        raise TypeError(f'an image must be an array of uint8, received {kind}')
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(
            f'an image must be RGB, (H, W, 3) and not empty, received {image.shape}'
        )
