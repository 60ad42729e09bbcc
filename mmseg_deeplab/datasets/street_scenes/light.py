"""Sun, sky and air: what time it is, and how that colours surfaces and distances."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from .dice import Dice

Colour = np.ndarray  # (3,) float32, BGR


@lru_cache(maxsize=512)
def rgb(code: int) -> Colour:
    """A colour from its usual hexadecimal code ``0xRRGGBB``; not to be changed."""
    parts = (code & 255, code >> 8 & 255, code >> 16 & 255)
    colour = np.array(parts, np.float32)
    colour.flags.writeable = False
    return colour


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend two colours; ``share`` belongs to the second."""
    return first + (second - first) * np.float32(share)


@dataclass(frozen=True)
class Mood:
    """Ranges from which the light of one kind of day is drawn.

    Args:
        zenith: Colours of the sky above; two neighbours are blended.
        horizon: Colours of the sky at the horizon.
        sun: Colour and strength of direct light on a surface that faces it.
        ambient: Colour and strength of light from everywhere.
        elevation: Range of the sun's height over its ground distance.
        clouds: Range of cloud cover.
        visibility: Range of the depth in metres at which half the light is air.
    """

    zenith: tuple[int, int]
    horizon: tuple[int, int]
    sun: tuple[int, float]
    ambient: tuple[int, float]
    elevation: tuple[float, float]
    clouds: tuple[float, float]
    visibility: tuple[float, float]


MOODS = {
    'noon': Mood(
        zenith=(0x2F6FC4, 0x7DB0E8),
        horizon=(0xA9CBEA, 0xE4EEF4),
        sun=(0xFFF4DE, 0.75),
        ambient=(0xCFE0FF, 0.58),
        elevation=(0.8, 2.0),
        clouds=(0.0, 0.7),
        visibility=(250.0, 700.0),
    ),
    'golden': Mood(
        zenith=(0x5C86B8, 0x9FB1C9),
        horizon=(0xF7D9A0, 0xEFB98A),
        sun=(0xFFC27A, 0.85),
        ambient=(0xB9C2E0, 0.48),
        elevation=(0.35, 0.8),
        clouds=(0.0, 0.6),
        visibility=(150.0, 500.0),
    ),
    'overcast': Mood(
        zenith=(0x8E959C, 0xC9CDD0),
        horizon=(0xB4B9BD, 0xE6E8E8),
        sun=(0xFFFFFF, 0.12),
        ambient=(0xEEF1F6, 0.88),
        elevation=(1.0, 3.0),
        clouds=(0.5, 1.0),
        visibility=(70.0, 300.0),
    ),
    'dusk': Mood(
        zenith=(0x2C3A5A, 0x55607F),
        horizon=(0x8C6F78, 0xC98F6B),
        sun=(0xFF9A5C, 0.20),
        ambient=(0x98A4CC, 0.55),
        elevation=(0.3, 0.6),
        clouds=(0.0, 0.8),
        visibility=(120.0, 400.0),
    ),
}
MOOD_SHARES = {'noon': 0.4, 'overcast': 0.3, 'golden': 0.18, 'dusk': 0.12}


@dataclass(frozen=True)
class Light:
    """The light of one scene.

    Args:
        zenith: Colour of the sky above.
        haze: Colour of the sky at the horizon, and of far things.
        direct: Sunlight on a surface that faces it, per channel, about 0 .. 1.
        ambient: Light from everywhere, per channel, about 0 .. 1.
        sun: Unit vector towards the sun.
        clouds: Cloud cover, 0 .. 1.
        visibility: Depth in metres at which half of the light comes from the air.
        lamps: Whether windows and lamps are lit.
    """

    zenith: Colour
    haze: Colour
    direct: Colour
    ambient: Colour
    sun: tuple[float, float, float]
    clouds: float
    visibility: float
    lamps: bool

    @property
    def harshness(self) -> float:
        """How dark a cast shadow is: the sun's share of the light on the ground."""
        sun = float(self.direct[1]) * self.sun[1]
        return sun / (sun + float(self.ambient[1]))

    @property
    def reach(self) -> tuple[float, float]:
        """Where the shadow of a point one metre high falls: ``x, z``."""
        return -self.sun[0] / self.sun[1], -self.sun[2] / self.sun[1]

    def on(self, normal: tuple[float, float, float]) -> Colour:
        """Light on a surface with the given unit normal, as a factor per channel."""
        facing = sum(a * b for a, b in zip(normal, self.sun, strict=True))
        sky = 0.85 + 0.15 * normal[1]  # less sky is seen from a wall than from a roof
        direct = self.direct * np.float32(max(facing, 0.0))
        return self.ambient * np.float32(sky) + direct

    def veil(self, depth: np.ndarray | float) -> np.ndarray | float:
        """Share of the air's own light in what is seen at a depth."""
        return depth / (depth + self.visibility)

    @cached_property
    def on_top(self) -> Colour:
        """Light on what lies flat."""
        return self.on((0.0, 1.0, 0.0))

    @cached_property
    def on_front(self) -> Colour:
        """Light on what faces the camera."""
        return self.on((0.0, 0.28, -0.96))

    @cached_property
    def _air(self) -> list[float]:
        return self.haze.tolist()

    def seen(self, colour: Colour, depth: float) -> list[float]:
        """A lit colour as it is seen through the air, ready for `cv2`."""
        veil = self.veil(depth)
        pairs = zip(colour.tolist(), self._air, strict=True)
        return [part + (air - part) * veil for part, air in pairs]


def draw_light(dice: Dice) -> Light:
    """Draw the time of day and the weather."""
    name = dice.weighted(MOOD_SHARES)
    mood = MOODS[name]
    side, ahead = dice.uniform(-1, 1), dice.uniform(-1, 1)
    length = max(math.sqrt(side * side + ahead * ahead), 0.1)
    rise = dice.uniform(*mood.elevation)
    scale = 1 / math.sqrt(1 + rise * rise)
    sun = (side / length * scale, rise * scale, ahead / length * scale)
    return Light(
        zenith=mix(*map(rgb, mood.zenith), dice.unit()),
        haze=mix(*map(rgb, mood.horizon), dice.unit()),
        direct=rgb(mood.sun[0]) / np.float32(255) * np.float32(mood.sun[1]),
        ambient=rgb(mood.ambient[0]) / np.float32(255) * np.float32(mood.ambient[1]),
        sun=sun,
        clouds=dice.uniform(*mood.clouds),
        visibility=dice.uniform(*mood.visibility),
        lamps=name == 'dusk',
    )
