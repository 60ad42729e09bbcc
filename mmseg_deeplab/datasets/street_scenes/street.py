"""The plan of a street: road, kerbs, sidewalks, building lines, a bend, a crossing.

Places are given in street coordinates: ``s`` metres to the right of the road's middle
line and ``z`` metres ahead. `Street.x` turns ``s`` into the camera's ``x``.
"""

import math
from dataclasses import dataclass

from .dice import Dice

# What stands along one side, and how often.
SIDES = {'block': 0.55, 'houses': 0.27, 'park': 0.18}


@dataclass(frozen=True)
class Side:
    """One side of the street, measured from the road's middle line outwards.

    Args:
        sign: -1 for the left side, 1 for the right side.
        kind: ``'block'``, ``'houses'`` or ``'park'``.
        kerb: Where the road ends.
        verge: Where the strip of grass between road and sidewalk ends.
        walk: Where the sidewalk ends.
        line: Where buildings begin.
        garden: Whether the ground between ``walk`` and ``line`` is green.
        yard: Whether the ground beyond ``line`` is green.
        parking: Share of the places along the kerb that are taken by cars.
    """

    sign: int
    kind: str
    kerb: float
    verge: float
    walk: float
    line: float
    garden: bool
    yard: bool
    parking: float


@dataclass(frozen=True)
class Street:
    """The plan of a street.

    Args:
        sides: The left and the right side.
        eye: Where the camera stands, in street coordinates.
        bend: The middle line is at ``bend * z ** 2``.
        crossing: First and last depth of a road that crosses, or None.
        zebra: First and last depth of a pedestrian crossing, or None.
        drive: Side on which one drives, -1 or 1.
    """

    sides: tuple[Side, Side]
    eye: float
    bend: float
    crossing: tuple[float, float] | None
    zebra: tuple[float, float] | None
    drive: int

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


def _draw_side(dice: Dice, sign: int, kerb: float) -> Side:
    """Draw one side of the street outwards from its kerb."""
    kind = dice.weighted(SIDES)
    verge = kerb + (dice.uniform(0.8, 2.2) if dice.chance(0.25) else 0.0)
    walk = verge + dice.uniform(2.2, 5.0)
    deep = kind != 'block' or dice.chance(0.25)
    return Side(
        sign=sign,
        kind=kind,
        kerb=kerb,
        verge=verge,
        walk=walk,
        line=walk + (dice.uniform(1.5, 5.0) if deep else 0.2),
        garden=dice.chance(0.7),
        yard=dice.chance(0.6),
        parking=dice.uniform(0.35, 0.85) if dice.chance(0.65) else 0.0,
    )


def draw_street(dice: Dice) -> Street:
    """Draw the plan of a street."""
    half = dice.uniform(3.2, 6.5)
    sides = tuple(
        _draw_side(dice, sign, half * dice.uniform(0.92, 1.08)) for sign in (-1, 1)
    )
    drive = 1 if dice.chance(0.7) else -1
    crossing = zebra = None
    if dice.chance(0.4):
        first = dice.uniform(14.0, 40.0)
        crossing = (first, first + dice.uniform(6.0, 10.0))
    if dice.chance(0.4):
        first = crossing[0] - 5.0 if crossing else dice.uniform(7.0, 25.0)
        zebra = (first, first + dice.uniform(2.5, 4.0))
    return Street(
        sides=sides,
        eye=drive * half * dice.uniform(-0.1, 0.6),
        bend=dice.uniform(-1, 1) * dice.uniform(0.0, 0.004),
        crossing=crossing,
        zebra=zebra,
        drive=drive,
    )
