"""Sun, sky and air: what time it is, and how that colours surfaces and distances."""

import math
from functools import cached_property, lru_cache

import numpy as np

from .random_numbers import RandomNumbers

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


# Ranges from which the light of a kind of day is drawn: two colours of the sky above
# and at the horizon, which are blended; colour and strength of direct light and of
# light from everywhere; the sun's height over its ground distance; cloud cover; the
# depth in metres at which half of the light comes from the air.
DAYS = {
    'noon': dict(
        zenith=(0x2F6FC4, 0x7DB0E8),
        horizon=(0xA9CBEA, 0xE4EEF4),
        sun=(0xFFF4DE, 0.75),
        ambient=(0xCFE0FF, 0.58),
        elevation=(0.8, 2.0),
        clouds=(0.0, 0.7),
        visibility=(250.0, 700.0),
    ),
    'golden': dict(
        zenith=(0x5C86B8, 0x9FB1C9),
        horizon=(0xF7D9A0, 0xEFB98A),
        sun=(0xFFC27A, 0.85),
        ambient=(0xB9C2E0, 0.48),
        elevation=(0.35, 0.8),
        clouds=(0.0, 0.6),
        visibility=(150.0, 500.0),
    ),
    'overcast': dict(
        zenith=(0x8E959C, 0xC9CDD0),
        horizon=(0xB4B9BD, 0xE6E8E8),
        sun=(0xFFFFFF, 0.12),
        ambient=(0xEEF1F6, 0.88),
        elevation=(1.0, 3.0),
        clouds=(0.5, 1.0),
        visibility=(70.0, 300.0),
    ),
    'dusk': dict(
        zenith=(0x2C3A5A, 0x55607F),
        horizon=(0x8C6F78, 0xC98F6B),
        sun=(0xFF9A5C, 0.20),
        ambient=(0x98A4CC, 0.55),
        elevation=(0.3, 0.6),
        clouds=(0.0, 0.8),
        visibility=(120.0, 400.0),
    ),
}
DAY_SHARES = {'noon': 0.4, 'overcast': 0.3, 'golden': 0.18, 'dusk': 0.12}


class Light:
    """The light of one scene: the time of day and the weather."""

    def __init__(self, rng: RandomNumbers) -> None:
        name = rng.weighted(DAY_SHARES)
        day = DAYS[name]
        side, ahead = rng.uniform(-1, 1), rng.uniform(-1, 1)
        length = max(math.sqrt(side * side + ahead * ahead), 0.1)
        rise = rng.uniform(*day['elevation'])
        scale = 1 / math.sqrt(1 + rise * rise)
        # Unit vector towards the sun.
        self.sun = (side / length * scale, rise * scale, ahead / length * scale)
        self.zenith = mix(*map(rgb, day['zenith']), rng.unit())
        # Colour of the sky at the horizon, and of far things.
        self.haze = mix(*map(rgb, day['horizon']), rng.unit())
        # Light on a surface that faces the sun, and from everywhere, about 0 .. 1.
        self.direct, self.ambient = (
            rgb(colour) / np.float32(255) * np.float32(strength)
            for colour, strength in (day['sun'], day['ambient'])
        )
        self.clouds = rng.uniform(*day['clouds'])
        self.visibility = rng.uniform(*day['visibility'])
        self.lamps = name == 'dusk'  # whether windows and lamps are lit

    @property
    def shadow_strength(self) -> float:
        """How dark a cast shadow is: the sun's share of the light on the ground."""
        sun = float(self.direct[1]) * self.sun[1]
        return sun / (sun + float(self.ambient[1]))

    @property
    def shadow_of_one_metre(self) -> tuple[float, float]:
        """Where the shadow of a point one metre high falls: ``x, z``."""
        return -self.sun[0] / self.sun[1], -self.sun[2] / self.sun[1]

    def on(self, normal: tuple[float, float, float]) -> Colour:
        """Light on a surface with the given unit normal, as a factor per channel."""
        facing = sum(a * b for a, b in zip(normal, self.sun, strict=True))
        sky = 0.85 + 0.15 * normal[1]  # less sky is seen from a wall than from a roof
        direct = self.direct * np.float32(max(facing, 0.0))
        return self.ambient * np.float32(sky) + direct

    def haze_share(self, depth: np.ndarray | float) -> np.ndarray | float:
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

    def seen(self, colour: Colour, depth: float) -> list[float]:
        """A lit colour as it is seen through the air, ready for `cv2`."""
        share = self.haze_share(depth)
        pairs = zip(colour.tolist(), self.haze.tolist(), strict=True)
        return [part + (haze - part) * share for part, haze in pairs]
