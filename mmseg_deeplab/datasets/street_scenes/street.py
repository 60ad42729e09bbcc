"""The plan of a street: road, kerbs, sidewalks, building lines, a bend, a crossing.

Places are given in street coordinates: ``s`` metres to the right of the road's middle
line and ``z`` metres ahead. `Street.x` turns ``s`` into the camera's ``x``.
"""

import math

from .random_numbers import RandomNumbers

# What stands along one side, and how often.
SIDES = {'block': 0.55, 'houses': 0.27, 'park': 0.18}


class Side:
    """One side of the street, measured from the road's middle line outwards."""

    def __init__(self, rng: RandomNumbers, sign: int, kerb: float) -> None:
        self.sign = sign  # -1 for the left side, 1 for the right side
        self.kerb = kerb  # where the road ends
        self.kind = rng.weighted(SIDES)
        # Where the strip of grass between road and sidewalk ends.
        self.verge = kerb + (rng.uniform(0.8, 2.2) if rng.chance(0.25) else 0.0)
        self.walk = self.verge + rng.uniform(2.2, 5.0)  # where the sidewalk ends
        deep = self.kind != 'block' or rng.chance(0.25)
        # Where buildings begin.
        self.line = self.walk + (rng.uniform(1.5, 5.0) if deep else 0.2)
        # Whether the ground is green before the line of the buildings, and beyond it.
        self.garden, self.yard = rng.chance(0.7), rng.chance(0.6)
        # Share of the places along the kerb that are taken by cars.
        self.parking = rng.uniform(0.35, 0.85) if rng.chance(0.65) else 0.0


class Street:
    """The plan of a street."""

    def __init__(self, rng: RandomNumbers) -> None:
        half = rng.uniform(3.2, 6.5)
        self.sides = tuple(
            Side(rng, sign, half * rng.uniform(0.92, 1.08)) for sign in (-1, 1)
        )
        self.drive = 1 if rng.chance(0.7) else -1  # side on which one drives
        # First and last depth of a road that crosses, and of a pedestrian crossing.
        self.crossing: tuple[float, float] | None = None
        self.zebra: tuple[float, float] | None = None
        if rng.chance(0.4):
            first = rng.uniform(14.0, 40.0)
            self.crossing = (first, first + rng.uniform(6.0, 10.0))
        if rng.chance(0.4):
            first = self.crossing[0] - 5.0 if self.crossing else rng.uniform(7.0, 25.0)
            self.zebra = (first, first + rng.uniform(2.5, 4.0))
        # Where the camera stands, in street coordinates.
        self.eye = self.drive * half * rng.uniform(-0.1, 0.6)
        # The middle line is at `bend * z ** 2`.
        self.bend = rng.uniform(-1, 1) * rng.uniform(0.0, 0.004)

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
