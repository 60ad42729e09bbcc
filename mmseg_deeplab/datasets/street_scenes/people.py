"""People: flat figures that face, leave or cross, in clothes of any colour."""

import numpy as np

from .light import rgb
from .random_numbers import RandomNumbers
from .scene import Scene, disc, strip
from .scene_options import PERSON
from .street import Street

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


class Person:
    """A standing or walking figure."""

    def __init__(self, rng: RandomNumbers, x: float, depth: float) -> None:
        self.x, self.depth = x, depth  # place of the feet
        child = rng.chance(0.12)
        colours = {name: rgb(rng.choice(group)) for name, group in COLOURS.items()}
        for name, colour in colours.items():
            colours[name] = colour * np.float32(rng.uniform(0.75, 1.15))
        self.colours = colours
        walks = rng.chance(0.65)
        # Height in metres; the other lengths are in units of it.
        self.tall = rng.uniform(1.15, 1.45) if child else rng.uniform(1.62, 1.95)
        self.wide = rng.uniform(1.0, 1.35)  # build, a factor on everything across
        self.stride = rng.uniform(0.06, 0.17) if walks else 0.05  # between the feet
        self.swing = rng.uniform(0.0, 0.06)  # from the hands to the body
        self.coat = rng.chance(0.3)  # whether a coat or a skirt reaches to the knees
        # Side on which a bag hangs, 0 for none.
        self.bag = rng.choice((-1, 1)) if rng.chance(0.3) else 0

    def cast(self, scene: Scene) -> None:
        """Draw the shadow."""
        left, right = self.x - 0.13 * self.tall, self.x + 0.13 * self.tall
        scene.cast_shadow([(left, self.depth), (right, self.depth)], self.tall)

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
        """Draw the figure."""
        lit = scene.light.on_front * scene.dimmed(self.x, self.depth)
        seen = {
            name: scene.light.seen(colour * lit, self.depth)
            for name, colour in self.colours.items()
        }
        parts = [(part, seen[name]) for part, name in self.parts()]
        place, scale = (self.x, self.depth), (self.wide, self.tall)
        scene.fill_upright(place, parts, PERSON, scale=scale)


def _limb(
    start: tuple[float, float], end: tuple[float, float], half: float
) -> np.ndarray:
    """A limb between two joints that grows slimmer towards its end."""
    return strip(start, end, half, half * 0.75)


def draw_group(rng: RandomNumbers, street: Street, s: float, z: float) -> list[Person]:
    """Draw one to three people beside each other."""
    people = []
    for _ in range(rng.weighted({1: 0.6, 2: 0.3, 3: 0.1})):
        people.append(Person(rng, street.x(s, z), z))
        s += rng.choice((-1, 1)) * rng.uniform(0.55, 0.9)
        z += rng.uniform(-0.4, 0.4)
    return people
