"""Poles: street lamps, signs, signals and bare posts, with what they carry."""

import numpy as np

from .light import Colour, rgb
from .random_numbers import RandomNumbers
from .scene import Scene, disc
from .scene_options import POLE
from .street import Side, Street

METAL = (0x8E9294, 0x5C6064, 0x2E3234, 0xB4B6B4, 0x3C4A40, 0x6E5A48, 0xD6D6D2)
PLATES = (0xC22A2A, 0x2456A6, 0xE8E8E4, 0xE2B630, 0x2A7A48)
KINDS = {'lamp': 0.45, 'sign': 0.27, 'signal': 0.16, 'post': 0.12}
HEIGHTS = dict(lamp=(4.5, 8.0), sign=(2.4, 3.2), signal=(2.8, 4.0), post=(3.0, 8.0))
LIT = rgb(0xFFE6B0)
STOP = (0xE03020, 0x4A3A14, 0x123A20)  # lamps of a signal, from the top
GO = (0x3A1410, 0x4A3A14, 0x30D070)

Part = tuple[np.ndarray, Colour]  # a polygon in metres from the foot, and its colour


class Pole:
    """A pole at the kerb of one side, with a lamp, a sign or a signal."""

    def __init__(
        self, rng: RandomNumbers, street: Street, side: Side, depth: float, kind: str
    ) -> None:
        s = side.sign * (side.kerb + rng.uniform(0.35, 0.7))
        self.x, self.depth = street.x(s, depth), depth  # place of the foot
        self.kind = kind  # a key of `KINDS`
        self.height = rng.uniform(*HEIGHTS[kind])
        thin = kind == 'sign'
        # Half the thickness in metres.
        self.half = rng.uniform(0.04, 0.07) if thin else rng.uniform(0.06, 0.11)
        # Length of the arm over the road in metres, with its sign.
        self.arm = -side.sign * rng.uniform(0.8, 1.8) if rng.chance(0.7) else 0.0
        self.colour = rgb(rng.choice(METAL)) * np.float32(rng.uniform(0.8, 1.15))
        self.plate = rgb(rng.choice(PLATES))  # colour of the sign
        self.round_plate = rng.chance(0.5)  # a signal shows green then

    def cast(self, scene: Scene) -> None:
        """Draw the shadow."""
        left, right = self.x - self.half, self.x + self.half
        scene.cast_shadow([(left, self.depth), (right, self.depth)], self.height)

    def paint(self, scene: Scene) -> None:
        """Draw the pole and what it carries."""
        camera, light, place = scene.camera, scene.light, (self.x, self.depth)
        half = max(self.half, 0.0032 * camera.width * self.depth / camera.focal)
        lit = light.on_front * scene.dimmed(*place)
        parts = [
            (part, light.seen(colour if colour is LIT else colour * lit, self.depth))
            for part, colour in self._parts(half, lamps=light.lamps)
        ]
        scene.fill_upright(place, parts, POLE)

    def _parts(self, half: float, *, lamps: bool) -> list[Part]:
        top, colour = self.height, self.colour
        dark = colour * np.float32(0.75)
        parts = [
            (_bar(-half, half, 0.0, top), colour),
            (_bar(half * 0.3, half, 0.0, top), dark),
            (_bar(-1.7 * half, 1.7 * half, 0.0, min(0.5, top)), dark),
        ]
        if self.kind == 'lamp':
            parts += self._lamp(half, dark, LIT if lamps else rgb(0xD8D8D0))
        elif self.kind == 'sign':
            parts.append((self._plate(), self.plate))
        elif self.kind == 'signal':
            parts += self._signal(half)
        return parts

    def _lamp(self, half: float, dark: Colour, bulb: Colour) -> list[Part]:
        """An arm with a lamp at its end, or a lantern on top."""
        top = self.height
        if not self.arm:
            return [
                (_bar(-2.2 * half, 2.2 * half, top - 0.1, top + 0.45), bulb),
                (_bar(-3 * half, 3 * half, top + 0.4, top + 0.55), dark),
            ]
        low, high = sorted((0.0, self.arm))
        head = sorted((self.arm * 0.75, self.arm * 1.25))
        return [
            (_bar(low, high, top - 1.2 * half, top + 0.6 * half), self.colour),
            (_bar(*head, top - 0.16, top + 0.1), dark),
            (_bar(*head, top - 0.26, top - 0.12), bulb),
        ]

    def _plate(self) -> np.ndarray:
        """A round or square sign near the top."""
        if self.round_plate:
            return disc(10) * 0.36 + (0.0, self.height - 0.36)
        return _bar(-0.33, 0.33, self.height - 0.66, self.height)

    def _signal(self, half: float) -> list[Part]:
        """A traffic light with one lamp lit."""
        top, wide = self.height, max(0.18, 1.6 * half)
        parts = [(_bar(-wide, wide, top - 1.0, top), rgb(0x202224))]
        for number, code in enumerate(GO if self.round_plate else STOP):
            middle = (0.0, top - 0.2 - 0.3 * number)
            parts.append((disc(8) * wide * 0.62 + middle, rgb(code)))
        return parts


def _bar(left: float, right: float, low: float, high: float) -> np.ndarray:
    """An upright rectangle."""
    return np.array([(left, low), (right, low), (right, high), (left, high)])


def draw_poles(
    rng: RandomNumbers, street: Street, side: Side, nearest: float
) -> list[Pole]:
    """Draw the lamps of one side at equal steps, and signs between them."""
    poles, step = [], rng.uniform(10.0, 22.0)
    z = nearest + rng.uniform(0.0, 5.0)
    lamp = rng.weighted({'lamp': 0.75, 'post': 0.25})
    while z < 60.0:
        if not street.crossed(z, z):
            poles.append(Pole(rng, street, side, z, lamp))
        between = z + step * rng.uniform(0.25, 0.75)
        if rng.chance(0.45) and not street.crossed(between, between):
            kind = rng.weighted(KINDS)
            poles.append(Pole(rng, street, side, between, kind))
        z += step
    return poles
