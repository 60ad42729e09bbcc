"""People: flat figures that face, leave or cross, in clothes of any colour."""

from dataclasses import dataclass

import numpy as np

from .classes import PERSON
from .dice import Dice
from .light import Colour, rgb
from .shapes import disc
from .stage import Stage
from .street import Street

SKIN = (0xE8C0A0, 0xC99A78, 0x8A5E44, 0x5A3C2C, 0xF0D0B8)
HAIR = (0x1C1814, 0x3A2A1E, 0x6A4A2C, 0xB08A50, 0x8A8A88)
CLOTHES = (
    0x20242C, 0x3C4450, 0x6E7072, 0xB8B4AC, 0xECEAE4, 0x8C2A2E, 0xC84A34, 0xD8A030,
    0x3E6A40, 0x2C5A8C, 0x78A0C0, 0x5A3C6A, 0xB07890, 0x7A5C40, 0xC8B090,
)  # fmt: skip

# Parts of a figure as (across, up) in units of its height, from behind to front.
HEAD, HEAD_AT = 0.062, 0.925
TORSO = (
    (-0.085, 0.47),
    (0.085, 0.47),
    (0.14, 0.80),
    (0.07, 0.86),
    (-0.07, 0.86),
    (-0.14, 0.80),
)
COAT = ((-0.13, 0.28), (0.13, 0.28), (0.10, 0.52), (-0.10, 0.52))
HIP, LEG, FOOT = 0.50, 0.052, 0.045
SHOULDER, HAND, ARM = 0.79, 0.45, 0.030


@dataclass(frozen=True)
class Person:
    """A standing or walking figure.

    Args:
        x: Place of the feet.
        depth: Depth of the feet.
        tall: Height in metres.
        wide: Build, a factor on everything across.
        stride: How far the feet are apart, in units of the height.
        swing: How far the hands are from the body, in units of the height.
        coat: Whether a coat or a skirt reaches to the knees.
        bag: Side on which a bag hangs, 0 for none.
        colours: Skin, hair, upper clothes, lower clothes, shoes, bag.
    """

    x: float
    depth: float
    tall: float
    wide: float
    stride: float
    swing: float
    coat: bool
    bag: int
    colours: tuple[Colour, Colour, Colour, Colour, Colour, Colour]

    def cast(self, stage: Stage) -> None:
        """Draw the shadow."""
        half = 0.13 * self.tall
        foot = np.array([[self.x - half, self.depth], [self.x + half, self.depth]])
        stage.cast_upright(foot, self.tall)

    def parts(self) -> list[tuple[np.ndarray, int]]:
        """Polygons in units of the height, and the colour that each one takes."""
        stride, swing = self.stride, self.swing
        parts = []
        for side in (-1, 1):
            parts.append((_limb((side * 0.045, HIP), (side * stride, 0.03), LEG), 3))
            parts.append((_shoe(side * stride, side), 4))
        for side in (-1, 1):
            hand = (side * (0.14 + swing), HAND)
            parts.append((_limb((side * 0.125, SHOULDER), hand, ARM), 2))
            parts.append((disc(6) * 0.026 + hand, 0))
        if self.coat:
            parts.append((np.array(COAT), 2))
        parts.append((np.array(TORSO), 2))
        if self.bag:
            parts.append((np.array(BAG) * (self.bag, 1), 5))
        parts.append((_limb((0.0, 0.83), (0.0, 0.90), 0.032), 0))
        parts.append((disc(10) * (HEAD, HEAD * 1.2) + (0, HEAD_AT + 0.012), 1))
        parts.append((disc(10) * (HEAD * 0.85, HEAD) + (0, HEAD_AT - 0.014), 0))
        return parts

    def paint(self, stage: Stage) -> None:
        """Draw the figure."""
        camera, light = stage.camera, stage.light
        parts = self.parts()
        points = np.concatenate([part for part, _ in parts]) * self.tall
        x = self.x + points[:, 0] * self.wide
        pixels = camera.pixels(x, points[:, 1], np.full(len(points), self.depth))
        lit = light.on_front * np.float32(stage.dimmed(self.x, self.depth))
        colours = [light.seen(colour * lit, self.depth) for colour in self.colours]
        first = 0
        for part, number in parts:
            last = first + len(part)
            stage.canvas.polygon(pixels[first:last], colours[number], PERSON)
            first = last


BAG = ((0.10, 0.40), (0.22, 0.40), (0.21, 0.56), (0.11, 0.56))


def _limb(
    start: tuple[float, float], end: tuple[float, float], half: float
) -> np.ndarray:
    """A limb between two joints that grows slimmer towards its end."""
    (x0, y0), (x1, y1) = start, end
    slim = half * 0.75
    return np.array(
        [(x0 - half, y0), (x0 + half, y0), (x1 + slim, y1), (x1 - slim, y1)]
    )


def _shoe(x: float, side: int) -> np.ndarray:
    """A shoe on the ground."""
    return np.array(
        [
            (x - FOOT, 0.0),
            (x + FOOT, 0.0),
            (x + FOOT * 0.8, 0.045),
            (x - FOOT * 0.8, 0.045),
        ]
    )


def draw_person(dice: Dice, x: float, z: float) -> Person:
    """Draw one person."""
    child = dice.chance(0.12)
    colours = [rgb(dice.choice(group)) for group in (SKIN, HAIR, *[CLOTHES] * 4)]
    colours = [colour * np.float32(dice.uniform(0.75, 1.15)) for colour in colours]
    walks = dice.chance(0.65)
    return Person(
        x=x,
        depth=z,
        tall=dice.uniform(1.15, 1.45) if child else dice.uniform(1.62, 1.95),
        wide=dice.uniform(1.0, 1.35),
        stride=dice.uniform(0.06, 0.17) if walks else 0.05,
        swing=dice.uniform(0.0, 0.06),
        coat=dice.chance(0.3),
        bag=dice.choice((-1, 1)) if dice.chance(0.3) else 0,
        colours=tuple(colours),
    )


def draw_group(dice: Dice, street: Street, s: float, z: float) -> list[Person]:
    """Draw one to three people beside each other."""
    people = []
    for _ in range(dice.weighted({1: 0.6, 2: 0.3, 3: 0.1})):
        people.append(draw_person(dice, street.x(s, z), z))
        s += dice.choice((-1, 1)) * dice.uniform(0.55, 0.9)
        z += dice.uniform(-0.4, 0.4)
    return people
