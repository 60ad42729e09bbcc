"""Images to calibrate with."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from mmengine.config import Config

from mmseg_deeplab.config.labelled_images import LabelledImages
from mmseg_deeplab.inference.images import read_image

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


class CalibrationImages:
    """Images of a folder, or of the config's training set, spread evenly.

    Args:
        cfg: The whole config.
        folder: With images in any depth; None takes the training set.
        count: At most so many.

    Raises:
        FileNotFoundError: If the folder, or one of the data, is missing.
        ValueError: If there are no images, or ``count`` is below 1.
    """

    def __init__(self, cfg: Config, folder: str | None, count: int) -> None:
        if count < 1:
            raise ValueError(f'calibration needs at least 1 image, received {count}')
        self._from: LabelledImages | list[Path]
        self._from = (
            LabelledImages(cfg, 'train') if folder is None else _files(Path(folder))
        )
        self._indices = _spread(len(self._from), count)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in self._indices:
            found = self._from[index]
            yield read_image(found) if isinstance(found, Path) else found.image


def _spread(total: int, count: int) -> list[int]:
    count = min(total, count)
    return [index * total // count for index in range(count)]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(
            f'folder {str(folder)!r} for the calibration does not exist (current '
            f'folder {os.getcwd()})'
        )
    files = sorted(
        path for path in folder.rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not files:
        raise ValueError(
            f'{folder}: no images for the calibration ({", ".join(IMAGE_SUFFIXES)})'
        )
    return files
