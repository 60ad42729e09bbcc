"""Arrays in files that appear whole or not at all."""

import io
from pathlib import Path

import cv2
import numpy as np

from .atomic_files import write_whole
from .errors import InputError


def save_array(path: str | Path, array: np.ndarray) -> None:
    """Write an array as ``.npy``."""
    content = io.BytesIO()
    np.save(content, array)
    write_whole(content.getvalue(), Path(path))


def save_image(path: str | Path, image: np.ndarray) -> None:
    """Write RGB ``(H, W, 3)`` uint8, or ``(H, W)`` uint8 or uint16, by the suffix.

    JPEG has quality 95.
    """
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)  # as OpenCV writes it
    suffix = Path(path).suffix
    is_written, content = cv2.imencode(suffix, np.ascontiguousarray(image))
    if not is_written:
        raise InputError(f'{path}: an image {image.shape} is none that {suffix} holds')
    write_whole(content.tobytes(), Path(path))
