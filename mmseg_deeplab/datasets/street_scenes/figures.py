"""Poles with what they carry, and people: flat figures that face the camera."""

import numpy as np

from .light import Colour, rgb
from .random_numbers import RandomNumbers
from .scene import Scene, disc, strip
from .scene_options import PERSON, POLE
from .street import Side, Street

METAL = (0x8E9294, 0x5C6064, 0x2E3234, 0xB4B6B4, 0x3C4A40, 0x6E5A48, 0xD6D6D2)
PLATES = (0xC22A2A, 0x2456A6, 0xE8E8E4, 0xE2B630, 0x2A7A48)
KINDS = {'lamp': 0.45, 'sign': 0.27, 'signal': 0.16, 'post': 0.12}
HEIGHTS = dict(lamp=(4.5, 8.0), sign=(2.4, 3.2), signal=(2.8, 4.0), post=(3.0, 8.0))
LIT = rgb(0xFFE6B0)
STOP = (0xE03020, 0x4A3A14, 0x123A20)  # lamps of a signal, from the top
GO = (0x3A1410, 0x4A3A14, 0x30D070)

Part = tuple[np.ndarray, Colour]  # a polygon in metres from the foot, and its colour

COLOURS = {
    'skin': (0xE8C0A0, 0xC99A78, 0x8A5E44, 0x5A3C2C, 0xF0D0B8),
    'hair': (0x1C1814, 0x3A2A1E, 0x6A4A2C, 0xB08A50, 0x8A8A88),
}
CLOTHES = (
    0x20242C, 0x3C4450, 0x6E7072, 0xB8B4AC, 0xECEAE4, 0x8C2A2E, 0xC84A34, 0xD8A030,
    0x3E6A40, 0x2C5A8C, 0x78A0C0, 0x5A3C6A, 0xB07890, 0x7A5C40, 0xC8B090,
)  # fmt: skip
COLOURS |= dict.fromkeys(('upper', 'lower', 'shoes', 'bag'), CLOTHES)

# Parts of a figure as (across, up) in units of its height, from behind to front.
HEAD, HEAD_AT = 0.062, 0.925
TORSO = np.array(
    [(-0.085, 0.47), (0.085, 0.47), (0.14, 0.80), (0.07, 0.86), (-0.07, 0.86),
     (-0.14, 0.80)]
)  # fmt: skip
COAT = np.array([(-0.13, 0.28), (0.13, 0.28), (0.10, 0.52), (-0.10, 0.52)])
BAG = np.array([(0.10, 0.40), (0.22, 0.40), (0.21, 0.56), (0.11, 0.56)])
HIP, LEG, FOOT = 0.50, 0.052, 0.045
SHOULDER, HAND, ARM = 0.79, 0.45, 0.030


class Figure:
    """What stands upright at ``x`` and ``depth`` and faces the camera."""

    x: float
    depth: float
    half: float  # half the width in metres
    height: float  # in metres

    def cast(self, scene: Scene) -> None:
        left, right = self.x - self.half, self.x + self.half
        scene.cast_shadow([(left, self.depth), (right, self.depth)], self.height)


class Pole(Figure):
    """A pole at the kerb of one side, with a lamp, a sign or a signal."""

    def __init__(
        self, rng: RandomNumbers, street: Street, side: Side, depth: float, kind: str
    ) -> None:
        s = side.sign * (side.kerb + rng.uniform(0.35, 0.7))
        self.x, self.depth = street.x(s, depth), depth  # place of the foot
        self.kind = kind  # a key of `KINDS`
        self.height = rng.uniform(*HEIGHTS[kind])
        thin = kind == 'sign'
        self.half = rng.uniform(0.04, 0.07) if thin else rng.uniform(0.06, 0.11)
        # Length of the arm over the road in metres, with its sign.
        self.arm = -side.sign * rng.uniform(0.8, 1.8) if rng.chance(0.7) else 0.0
        self.colour = rgb(rng.choice(METAL)) * np.float32(rng.uniform(0.8, 1.15))
        self.plate = rgb(rng.choice(PLATES))  # colour of the sign
        self.round_plate = rng.chance(0.5)  # a signal shows green then

    def paint(self, scene: Scene) -> None:
        camera, light, place = scene.camera, scene.light, (self.x, self.depth)
        half = max(self.half, 0.0032 * camera.width * self.depth / camera.focal)
        lit = light.on_front * scene.dimmed(*place)
        top, colour = self.height, self.colour
        dark = colour * np.float32(0.75)
        parts = [
            (_bar(-half, half, 0.0, top), colour),
            (_bar(half * 0.3, half, 0.0, top), dark),
            (_bar(-1.7 * half, 1.7 * half, 0.0, min(0.5, top)), dark),
        ]
        if self.kind == 'lamp':
            parts += self._lamp(half, dark, LIT if light.lamps else rgb(0xD8D8D0))
        elif self.kind == 'sign' and self.round_plate:
            parts.append((disc(10) * 0.36 + (0.0, top - 0.36), self.plate))
        elif self.kind == 'sign':
            parts.append((_bar(-0.33, 0.33, top - 0.66, top), self.plate))
        elif self.kind == 'signal':  # with one lamp lit
            wide = max(0.18, 1.6 * half)
            parts.append((_bar(-wide, wide, top - 1.0, top), rgb(0x202224)))
            for number, code in enumerate(GO if self.round_plate else STOP):
                middle = (0.0, top - 0.2 - 0.3 * number)
                parts.append((disc(8) * wide * 0.62 + middle, rgb(code)))
        seen = [
            (part, light.seen(colour if colour is LIT else colour * lit, self.depth))
            for part, colour in parts
        ]
        scene.fill_upright(place, seen, POLE)

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


def _bar(left: float, right: float, low: float, high: float) -> np.ndarray:
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


class Person(Figure):
    """A standing or walking figure."""

    def __init__(self, rng: RandomNumbers, x: float, depth: float) -> None:
        self.x, self.depth = x, depth  # place of the feet
        child = rng.chance(0.12)
        colours = {name: rgb(rng.choice(group)) for name, group in COLOURS.items()}
        for name, colour in colours.items():
            colours[name] = colour * np.float32(rng.uniform(0.75, 1.15))
        self.colours = colours
        walks = rng.chance(0.65)
        # The other lengths are in units of the height.
        self.height = rng.uniform(1.15, 1.45) if child else rng.uniform(1.62, 1.95)
        self.half = 0.13 * self.height
        self.wide = rng.uniform(1.0, 1.35)  # build, a factor on everything across
        self.stride = rng.uniform(0.06, 0.17) if walks else 0.05  # between the feet
        self.swing = rng.uniform(0.0, 0.06)  # from the hands to the body
        self.coat = rng.chance(0.3)  # whether a coat or a skirt reaches to the knees
        # Side on which a bag hangs, 0 for none.
        self.bag = rng.choice((-1, 1)) if rng.chance(0.3) else 0

    def parts(self) -> list[tuple[np.ndarray, str]]:
        """Polygons in units of the height, and the colour that each one takes."""
        parts = []
        for side in (-1, 1):
            foot = side * self.stride
            parts.append((_limb((side * 0.045, HIP), (foot, 0.03), LEG), 'lower'))
            shoe = strip((foot, 0.0), (foot, 0.045), FOOT, FOOT * 0.8)
            parts.append((shoe, 'shoes'))
        for side in (-1, 1):
            hand = (side * (0.14 + self.swing), HAND)
            parts.append((_limb((side * 0.125, SHOULDER), hand, ARM), 'upper'))
            parts.append((disc(6) * 0.026 + hand, 'skin'))
        if self.coat:
            parts.append((COAT, 'upper'))
        parts.append((TORSO, 'upper'))
        if self.bag:
            parts.append((BAG * (self.bag, 1), 'bag'))
        parts.append((_limb((0.0, 0.83), (0.0, 0.90), 0.032), 'skin'))
        parts.append((disc(10) * (HEAD, HEAD * 1.2) + (0, HEAD_AT + 0.012), 'hair'))
        parts.append((disc(10) * (HEAD * 0.85, HEAD) + (0, HEAD_AT - 0.014), 'skin'))
        return parts

    def paint(self, scene: Scene) -> None:
        lit = scene.light.on_front * scene.dimmed(self.x, self.depth)
        seen = {
            name: scene.light.seen(colour * lit, self.depth)
            for name, colour in self.colours.items()
        }
        parts = [(part, seen[name]) for part, name in self.parts()]
        place, scale = (self.x, self.depth), (self.wide, self.height)
        scene.fill_upright(place, parts, PERSON, scale=scale)


def _limb(
    start: tuple[float, float], end: tuple[float, float], half: float
) -> np.ndarray:
    """A limb between two joints that grows slimmer towards its end."""
    return strip(start, end, half, half * 0.75)


def draw_group(rng: RandomNumbers, street: Street, s: float, z: float) -> list[Person]:
    people = []
    for _ in range(rng.weighted({1: 0.6, 2: 0.3, 3: 0.1})):
        people.append(Person(rng, street.x(s, z), z))
        s += rng.choice((-1, 1)) * rng.uniform(0.55, 0.9)
        z += rng.uniform(-0.4, 0.4)
    return people
