"""Write predictions to files that appear whole or not at all."""

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write a PNG.

    Args:
        path: The final name; missing folders are made.
        image: RGB ``(H, W, 3)`` uint8, or ``(H, W)`` uint8 or uint16.

    Raises:
        OSError: If it cannot be written; what was there before is untouched.
    """
    _write_image(path, image, '.png')


def write_jpeg(path: str | Path, image: np.ndarray, *, quality: int = 95) -> None:
    """Write a JPEG.

    Args:
        path: The final name; missing folders are made.
        image: RGB ``(H, W, 3)`` uint8.
        quality: 0..100.

    Raises:
        OSError: If it cannot be written; what was there before is untouched.
    """
    _write_image(path, image, '.jpg', (cv2.IMWRITE_JPEG_QUALITY, quality))


def _write_image(
    path: str | Path, image: np.ndarray, suffix: str, options: Sequence[int] = ()
) -> None:
    if image.ndim == 3:
        image = image[..., ::-1]  # OpenCV writes BGR
    _, content = cv2.imencode(suffix, np.ascontiguousarray(image), options)
    write_whole(content.tobytes(), Path(path))


def write_labels(path: str | Path, labels: np.ndarray) -> None:
    """Write class ids as a grey PNG of 8 bits, of 16 with more than 256 classes.

    Args:
        path: The final name.
        labels: ``(H, W)`` uint8 or uint16.

    Raises:
        OSError: If it cannot be written.
        TypeError: If the labels are of another type.
    """
    if labels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f'labels must be uint8 or uint16, received {labels.dtype}')
    write_png(path, labels)


def write_probabilities(path: str | Path, probabilities: np.ndarray) -> None:
    """Write probabilities as ``.npy`` in float16.

    Half precision keeps three digits, at half of the size.

    Args:
        path: The final name.
        probabilities: ``(K, H, W)``.

    Raises:
        OSError: If it cannot be written.
    """
    content = io.BytesIO()
    np.save(content, probabilities.astype(np.float16))
    write_whole(content.getvalue(), Path(path))
