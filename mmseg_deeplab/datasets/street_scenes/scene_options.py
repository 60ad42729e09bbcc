"""What can be asked of the renderer, and the classes that it draws."""

import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

SPLITS = ('train', 'val', 'test')
SMALLEST = (32, 64)  # rows, columns; below, people and poles are a pixel or less
LARGEST = (1024, 2048)

# In the order of their ids, with the RGB colours of Cityscapes:
# https://github.com/mcordts/cityscapesScripts, helpers/labels.py
COLOURS = {
    'road': (128, 64, 128),
    'sidewalk': (244, 35, 232),
    'building': (70, 70, 70),
    'sky': (70, 130, 180),
    'vegetation': (107, 142, 35),
    'person': (220, 20, 60),
    'car': (0, 0, 142),
    'pole': (153, 153, 153),
}
CLASSES, PALETTE = tuple(COLOURS), tuple(COLOURS.values())
ROAD, SIDEWALK, BUILDING, SKY, VEGETATION, PERSON, CAR, POLE = range(len(CLASSES))
THINGS = PERSON, CAR  # classes whose instances are numbered


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_integer(name: str, value: int, least: int) -> None:
    """Raise TypeError for what is no integer, and ValueError below ``least``."""
    if not _is_integer(value):
        raise TypeError(f'{name} is {value!r}, expected an integer >= {least}')
    if value < least:
        raise InputError(f'{name} is {value}, expected an integer >= {least}')


def check_scene(split: str, index: int, size: tuple[int, int], seed: int) -> None:
    """Raise TypeError or ValueError for what cannot be drawn; size is ``(H, W)``."""
    require_one_of('split', split, SPLITS)
    check_integer('index', index, 0)
    check_integer('seed', seed, 0)
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(map(_is_integer, size)):
        raise TypeError(f'size is {size!r}, expected two integers (height, width)')
    for edge, low, high in zip(size, SMALLEST, LARGEST, strict=True):
        if not low <= edge <= high:
            raise InputError(
                f'size is {tuple(size)}, expected (height, width) from {SMALLEST} '
                f'to {LARGEST}'
            )
