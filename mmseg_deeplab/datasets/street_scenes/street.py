"""The plan of a street: road, kerbs, sidewalks, building lines, a bend, a crossing.

Places are given in street coordinates: ``s`` metres to the right of the road's middle
line and ``z`` metres ahead. `Street.x` turns ``s`` into the camera's ``x``.
"""

import math
from dataclasses import dataclass

from .random_numbers import RandomNumbers

# What stands along one side, and how often.
SIDES = {'block': 0.55, 'houses': 0.27, 'park': 0.18}


@dataclass(frozen=True)
class Side:
    """One side of the street, measured from the road's middle line outwards."""

    sign: int  # -1 for the left side, 1 for the right side
    kind: str  # a key of `SIDES`
    kerb: float  # where the road ends
    verge: float  # where the strip of grass between road and sidewalk ends
    walk: float  # where the sidewalk ends
    line: float  # where buildings begin
    garden: bool  # whether the ground between `walk` and `line` is green
    yard: bool  # whether the ground beyond `line` is green
    parking: float  # share of the places along the kerb that are taken by cars


@dataclass(frozen=True)
class Street:
    """The plan of a street."""

    sides: tuple[Side, Side]  # left and right
    eye: float  # where the camera stands, in street coordinates
    bend: float  # the middle line is at `bend * z ** 2`
    crossing: tuple[float, float] | None  # depths of a road that crosses
    zebra: tuple[float, float] | None  # depths of a pedestrian crossing
    drive: int  # side on which one drives, -1 or 1

    def x(self, s: float, z: float) -> float:
        """The camera's ``x`` of a place on the street."""
        return s - self.eye + self.bend * z * z

    def heading(self, z: float) -> tuple[float, float]:
        """Unit vector ``(x, z)`` along the street at a depth."""
        slope = 2 * self.bend * z
        length = math.sqrt(1 + slope * slope)
        return slope / length, 1 / length

    def crossed(self, first: float, last: float, margin: float = 0.0) -> bool:
        """Whether a stretch of the street overlaps the crossing road."""
        if self.crossing is None:
            return False
        return first < self.crossing[1] + margin and last > self.crossing[0] - margin


def _draw_side(rng: RandomNumbers, sign: int, kerb: float) -> Side:
    """Draw one side of the street outwards from its kerb."""
    kind = rng.weighted(SIDES)
    verge = kerb + (rng.uniform(0.8, 2.2) if rng.chance(0.25) else 0.0)
    walk = verge + rng.uniform(2.2, 5.0)
    deep = kind != 'block' or rng.chance(0.25)
    return Side(
        sign=sign,
        kind=kind,
        kerb=kerb,
        verge=verge,
        walk=walk,
        line=walk + (rng.uniform(1.5, 5.0) if deep else 0.2),
        garden=rng.chance(0.7),
        yard=rng.chance(0.6),
        parking=rng.uniform(0.35, 0.85) if rng.chance(0.65) else 0.0,
    )


def draw_street(rng: RandomNumbers) -> Street:
    """Draw the plan of a street."""
    half = rng.uniform(3.2, 6.5)
    sides = tuple(
        _draw_side(rng, sign, half * rng.uniform(0.92, 1.08)) for sign in (-1, 1)
    )
    drive = 1 if rng.chance(0.7) else -1
    crossing = zebra = None
    if rng.chance(0.4):
        first = rng.uniform(14.0, 40.0)
        crossing = (first, first + rng.uniform(6.0, 10.0))
    if rng.chance(0.4):
        first = crossing[0] - 5.0 if crossing else rng.uniform(7.0, 25.0)
        zebra = (first, first + rng.uniform(2.5, 4.0))
    return Street(
        sides=sides,
        eye=drive * half * rng.uniform(-0.1, 0.6),
        bend=rng.uniform(-1, 1) * rng.uniform(0.0, 0.004),
        crossing=crossing,
        zebra=zebra,
        drive=drive,
    )
