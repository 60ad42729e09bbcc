"""The points of the coarse-to-fine search."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

AXES = ('bilateral_weight', 'bilateral_xy', 'bilateral_rgb')

Triple = tuple[float, float, float]  # in the order of AXES


@dataclass(frozen=True)
class Range:
    """``low, low + step, ...`` up to ``high``, which is included if it is met."""

    low: float
    high: float
    step: float

    @classmethod
    def parse(cls, text: str) -> 'Range':
        """Read ``low:step:high`` (as in the papers), ``low:high`` (step 1) or a number.

        Raises:
            ValueError: If it is none of them, or not positive and ascending.
        """
        try:
            numbers = [float(part) for part in text.split(':')]
            low, step, high = {
                1: lambda a: (a, 1.0, a),
                2: lambda a, b: (a, 1.0, b),
                3: lambda a, b, c: (a, b, c),
            }[len(numbers)](*numbers)
        except (ValueError, KeyError):
            raise ValueError(
                f'range {text!r}: write low:step:high, low:high or one number, such '
                'as 30:10:100'
            ) from None
        if not (0 < low <= high < np.inf and 0 < step < np.inf):
            raise ValueError(
                f'range {text!r}: needs 0 < low <= high and a step above 0 '
                '(low:step:high)'
            )
        return cls(low=low, high=high, step=step)

    def values(self) -> list[float]:
        """Return the values."""
        count = int((self.high - self.low) / self.step + 1e-9) + 1
        return [round(self.low + i * self.step, 6) for i in range(count)]


@dataclass(frozen=True)
class SearchRanges:
    """What to search, and the Gaussian kernel that stays as it is.

    Args:
        bilateral_weight: w1 of the papers.
        bilateral_xy: sigma_alpha, pixels.
        bilateral_rgb: sigma_beta, steps of intensity.
        gaussian_weight: w2, fixed.
        gaussian_xy: sigma_gamma, pixels, fixed.
    """

    bilateral_weight: Range
    bilateral_xy: Range
    bilateral_rgb: Range
    gaussian_weight: float = 3.0
    gaussian_xy: float = 3.0

    def coarse(self) -> list[Triple]:
        """Return all combinations."""
        return list(itertools.product(*(getattr(self, axis).values() for axis in AXES)))

    def fine(self, best: Triple, level: int) -> list[Triple]:
        """Return the neighbours of a triple at the coarse step / 2**level.

        On each axis the best value and one step to both sides, in all combinations:
        27 with the best itself. An axis of a single value stays. Neighbours may lie
        outside the coarse range; a value that would not be positive is left out.

        Args:
            best: The best triple so far.
            level: 1, 2, ...
        """
        choices = []
        for axis, value in zip(AXES, best, strict=True):
            coarse: Range = getattr(self, axis)
            step = coarse.step / 2**level if len(coarse.values()) > 1 else 0.0
            near = {round(value + sign * step, 6) for sign in (-1, 0, 1)}
            choices.append(sorted(v for v in near if v > 0))
        return list(itertools.product(*choices))

    def on_border(self, best: Triple) -> list[str]:
        """Return the axes on which a triple is at the end of the range, or beyond."""
        found = []
        for axis, value in zip(AXES, best, strict=True):
            values = getattr(self, axis).values()
            if len(values) > 1 and not values[0] < value < values[-1]:
                found.append(axis)
        return found


# Section 4.1 of DeepLab v2 (arXiv 1606.00915), section 4.2 of v1 (arXiv 1412.7062).
RANGES = {
    'v2': SearchRanges(
        bilateral_weight=Range(3, 6, 1),
        bilateral_xy=Range(30, 100, 10),
        bilateral_rgb=Range(3, 6, 1),
    ),
    'v1': SearchRanges(
        bilateral_weight=Range(5, 10, 1),
        bilateral_xy=Range(50, 100, 10),
        bilateral_rgb=Range(3, 10, 1),
    ),
}


def choose_ranges(
    paper: str = 'v2',
    *,
    own: dict[str, str | None] | None = None,
    gaussian_weight: float | None = None,
    gaussian_xy: float | None = None,
) -> SearchRanges:
    """Return a paper's ranges, some of them replaced.

    Args:
        paper: ``'v2'`` or ``'v1'``.
        own: Ranges as text by axis; None keeps the paper's.
        gaussian_weight: In place of 3.
        gaussian_xy: In place of 3.
    """
    changes = {axis: Range.parse(text) for axis, text in (own or {}).items() if text}
    fixed = dict(gaussian_weight=gaussian_weight, gaussian_xy=gaussian_xy)
    changes |= {name: value for name, value in fixed.items() if value is not None}
    return replace(RANGES[paper], **changes)


def by_widths(triples: Sequence[Triple]) -> dict[tuple[float, float], list[float]]:
    """Group triples by their widths: one lattice serves all weights of a pair.

    Returns:
        Weights by (sigma_alpha, sigma_beta), in the order of the triples.
    """
    pairs: dict[tuple[float, float], list[float]] = {}
    for weight, xy, rgb in triples:
        pairs.setdefault((xy, rgb), []).append(weight)
    return pairs
