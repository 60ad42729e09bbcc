"""Sky: a gradient, a glow around the sun, clouds."""

import numpy as np

from . import noise
from .dice import Dice
from .light import mix, rgb
from .stage import Stage


def _gradient(stage: Stage, rows: int) -> np.ndarray:
    """The clear sky above the horizon, ``(rows, W, 3)``."""
    camera, light = stage.camera, stage.light
    height = (np.arange(rows, dtype=np.float32) / np.float32(camera.horizon))[:, None]
    column = light.haze + (light.zenith - light.haze) * (1 - height)
    sky = np.repeat(column[:, None].astype(np.float32), camera.width, axis=1)
    if light.sun[2] <= 0:
        return sky
    # brighter towards the sun; a rational bell is enough
    x = camera.slopes(0, camera.width) - light.sun[0] / light.sun[2]
    y = camera.drops(0, rows) + light.sun[1] / light.sun[2]
    far = (x * x)[None, :] + (y * y)[:, None]
    glow = (0.5 / (1 + 6 * far)).astype(np.float32) * light.direct[1]
    return sky + (np.float32(255) - sky) * glow[..., None]


def paint_sky(stage: Stage, dice: Dice) -> None:
    """Paint the sky down to the horizon (the label is sky from the beginning)."""
    camera, light = stage.camera, stage.light
    rows = min(int(camera.horizon) + 3, camera.height)
    sky = _gradient(stage, rows)
    step = 60.0 / camera.width  # about a quarter of a tile across the picture
    corner = (dice.integer(0, 255), dice.integer(0, 255))
    cover = noise.grid(noise.tile(4, 5), rows, camera.width, step * 2, corner)
    cover = (cover + np.float32(light.clouds * 0.9 - 0.45)) * np.float32(3)
    cover = np.clip(cover, 0, 1)[..., None] * np.float32(0.85)
    # clouds are lit like a surface that faces up, and greyer the more there are
    bright = rgb(0xFFFFFF) * (light.direct + light.ambient) * np.float32(0.85)
    clouds = mix(bright, light.haze, 0.3 + 0.4 * light.clouds)
    stage.canvas.image[:rows] = sky + (clouds - sky) * cover
