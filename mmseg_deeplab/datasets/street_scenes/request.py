"""What may be asked of the renderer."""

import numpy as np

SPLITS = ('train', 'val', 'test')
SMALLEST = (32, 64)  # rows, columns; below, people and poles are a pixel or less
LARGEST = (1024, 2048)


def check_split(split: str) -> None:
    """Refuse an unknown split.

    Raises:
        ValueError: If ``split`` is not one of `SPLITS`.
    """
    if split not in SPLITS:
        raise ValueError(f'split is {split!r}, expected one of {SPLITS}')


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_integer(name: str, value: int, least: int) -> None:
    """Refuse what is no integer, or too small.

    Args:
        name: How the argument is called, for the error.
        value: The argument.
        least: Smallest valid value.

    Raises:
        TypeError: If ``value`` is not an integer.
        ValueError: If it is below ``least``.
    """
    if not _is_integer(value):
        raise TypeError(f'{name} is {value!r}, expected an integer >= {least}')
    if value < least:
        raise ValueError(f'{name} is {value}, expected an integer >= {least}')


def check_size(size: tuple[int, int]) -> None:
    """Refuse a picture size that cannot be drawn.

    Raises:
        TypeError: If ``size`` is not a pair of integers.
        ValueError: If it is too small or too large.
    """
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(map(_is_integer, size)):
        raise TypeError(f'size is {size!r}, expected two integers (height, width)')
    for edge, low, high in zip(size, SMALLEST, LARGEST, strict=True):
        if not low <= edge <= high:
            raise ValueError(
                f'size is {tuple(size)}, expected (height, width) from {SMALLEST} '
                f'to {LARGEST}'
            )
