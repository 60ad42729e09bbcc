"""Which bands of an image file are the channels of a network's input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import InputError

Range = tuple[float, float]


@dataclass(frozen=True)
class ImageBands:
    """The channels that a network reads, and what their values mean.

    Args:
        channels: How many bands a file has, all of which are read; or the numbers of
            the bands to read, counted from 1.
        value_range: The two values that become 0 and 255, for all bands, or a pair for
            each band. What lies outside is clipped. None is for files of 8 bits, which
            are read as they are.
        shown_bands: The numbers of the bands that are shown as red, green and blue.
            By default they are the first three that are read, or one band as grey.

    Raises:
        InputError: If a value is none of these.
    """

    channels: int | Sequence[int]
    value_range: Range | Sequence[Range] | None = None
    shown_bands: Sequence[int] | None = None

    def __post_init__(self) -> None:
        numbers = self.numbers
        is_valid = numbers and all(isinstance(n, int) and n > 0 for n in numbers)
        if not is_valid or len(set(numbers)) < len(numbers):
            raise InputError(
                f'channels={self.channels!r}: expected the number of bands, such as 4, '
                'or the numbers of those to read, such as (4, 3, 2)'
            )
        shown = self.shown_bands
        if shown is not None and not (len(shown) == 3 and set(shown) <= set(numbers)):
            raise InputError(
                f'shown_bands={shown!r}: expected three of the bands {numbers}'
            )
        if self.value_range is not None:
            self.ranges()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the bands that are read, from 1."""
        if isinstance(self.channels, int):
            return tuple(range(1, self.channels + 1))
        return tuple(self.channels)

    def ranges(self) -> list[Range]:
        """Return the values that become 0 and 255 in each band."""
        try:
            given = np.asarray(self.value_range, dtype=float)
            pairs = np.broadcast_to(given, (len(self.numbers), 2))
        except (TypeError, ValueError):
            pairs = np.zeros((1, 2))
        if not (np.isfinite(pairs).all() and (pairs[:, 0] < pairs[:, 1]).all()):
            raise InputError(
                f'value_range={self.value_range!r}: expected (LOW, HIGH) with LOW < '
                f'HIGH, or such a pair for each of the {len(self.numbers)} bands'
            )
        return [(float(low), float(high)) for low, high in pairs]

    def rgb(self, image: np.ndarray) -> np.ndarray:
        """Return what is shown of an image ``(H, W, C)``: ``(H, W, 3)`` uint8."""
        numbers = self.numbers
        shown = self.shown_bands or (numbers[:3] if len(numbers) > 2 else numbers[:1])
        places = [numbers.index(number) for number in shown] * (3 // len(shown))
        return np.ascontiguousarray(image[..., places].round().clip(0, 255), np.uint8)
