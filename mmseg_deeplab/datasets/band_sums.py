"""Mean, deviation and clipped values of the bands of many images."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class BandSums:
    """Sums over the pixels with data, which give the statistics of each band."""

    pixels: int  # all of them
    count: int  # those with data
    total: np.ndarray  # (C,) sum of the values
    squares: np.ndarray  # (C,) sum of their squares
    at_ends: np.ndarray  # (C,) values that are 0 or 255

    @classmethod
    def of(cls, image: np.ndarray, has_data: np.ndarray) -> Self:
        """Add up an image ``(H, W, C)`` with values from 0 to 255."""
        values = image[has_data].astype(np.float64)
        ends = ((values <= 0) | (values >= 255)).sum(0)
        sums = values.sum(0), (values**2).sum(0), ends
        return cls(has_data.size, len(values), *sums)

    def __add__(self, other: Self | None) -> Self:
        if other is None:
            return self
        return BandSums(*(getattr(self, n) + getattr(other, n) for n in vars(self)))

    def mean_and_deviation(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation ``(C,)`` over the pixels with data."""
        count = max(self.count, 1)
        mean = self.total / count
        return mean, np.sqrt(np.maximum(self.squares / count - mean**2, 0))

    def to_dict(self) -> dict:
        mean, deviation = self.mean_and_deviation()
        return dict(
            mean=mean.round(2).tolist(),
            std=deviation.round(2).tolist(),
            at_ends=(self.at_ends / max(self.count, 1)).round(4).tolist(),
            no_data=round(1 - self.count / max(self.pixels, 1), 4),
        )

    def __str__(self) -> str:
        found = self.to_dict()
        return (
            f'bands, for data_preprocessor: mean={found["mean"]}, std={found["std"]}; '
            f'share of values at 0 or 255: {found["at_ends"]}; without data: '
            f'{found["no_data"]:.1%} of the pixels'
        )
