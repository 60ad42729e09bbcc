"""Ground: road with its markings, sidewalks, grass, all in perspective."""

from dataclasses import dataclass

import cv2
import numpy as np

from . import noise
from .classes import ROAD, SIDEWALK, VEGETATION
from .dice import Dice
from .light import Colour, mix, rgb
from .stage import Stage
from .street import Side

FARTHEST = 400.0  # metres; where the ground ends at the horizon
ROADS = (0x3C3D40, 0x55565A, 0x6B6B6C, 0x85827E, 0x77706A, 0x9A958C)
WALKS = (0x8E8B86, 0xA8A39A, 0x77777A, 0xB8A890, 0xA07466, 0x8C7A6E, 0xC4C0B8, 0x66666A)
LAWNS = (0x5C7A34, 0x7A8B3C, 0x9A8F55, 0x4B6A3A, 0x86703F)
LANE = 0.13  # metres, width of a painted line


@dataclass(frozen=True)
class Look:
    """Colours and patterns of the ground in one scene.

    Args:
        road: Colour of the asphalt.
        walks: Colours of the two sidewalks.
        lawn: Colour of the grass.
        kerb: Colour of the kerb stones.
        slab: Edge of the sidewalk's slabs in metres.
        lines: Where painted lines run, in street coordinates.
        dashed: For each line whether it is dashed.
        paint: Strength of the paint, 0 .. 1.
        lane: A lane of another colour, first and last ``s``, or None.
    """

    road: Colour
    walks: tuple[Colour, Colour]
    lawn: Colour
    kerb: Colour
    slab: float
    lines: tuple[float, ...]
    dashed: tuple[bool, ...]
    paint: float
    lane: tuple[float, float] | None


def draw_look(dice: Dice, sides: tuple[Side, Side]) -> Look:
    """Draw how the ground looks."""
    left, right = -sides[0].kerb, sides[1].kerb
    lines, dashed = [0.0], [dice.chance(0.7)]
    if dice.chance(0.5):
        lines += [left + 2.2, right - 2.2]
        dashed += [dice.chance(0.3)] * 2
    walk = rgb(dice.choice(WALKS))
    other = rgb(dice.choice(WALKS)) if dice.chance(0.3) else walk
    return Look(
        road=mix(rgb(dice.choice(ROADS)), rgb(dice.choice(ROADS)), dice.unit()),
        walks=(walk, other),
        lawn=mix(rgb(dice.choice(LAWNS)), rgb(dice.choice(LAWNS)), dice.unit()),
        kerb=mix(rgb(0xB5B2AC), walk, dice.uniform(0.0, 0.8)),
        slab=dice.uniform(0.5, 1.2),
        lines=tuple(lines),
        dashed=tuple(dashed),
        paint=dice.uniform(0.5, 1.0) if dice.chance(0.85) else 0.0,
        lane=(right - 1.7, right) if dice.chance(0.12) else None,
    )


class Ground:
    """The visible ground: every pixel below the horizon and where it lies.

    Attributes:
        z: ``(h, 1)`` depth of each row in metres.
        s: ``(h, W)`` street coordinate of each pixel in metres.
    """

    def __init__(self, stage: Stage) -> None:
        camera, street = stage.camera, stage.street
        self.stage = stage
        self.top = max(int(camera.horizon + camera.focal * camera.eye / FARTHEST), 0)
        drops = camera.drops(self.top, camera.height)
        drops = np.maximum(drops, camera.eye / FARTHEST)
        self.z = (camera.eye / drops).astype(np.float32)[:, None]
        offset = np.float32(street.eye) - np.float32(street.bend) * self.z * self.z
        slopes = camera.slopes(0, camera.width).astype(np.float32)
        self.s = slopes[None, :] * self.z + offset
        # below one pixel, what is painted on the ground fades instead of flickering
        self.sharp = np.minimum(camera.focal / self.z, 1e4).astype(
            np.float32
        )  # pixels per metre

    def bands(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of the surface under each pixel, and the colours' label table.

        Surfaces: 0 road, 1 and 2 sidewalks left and right, 3 grass.
        """
        street, s = self.stage.street, self.s
        surface = np.zeros(s.shape, np.uint8)
        for number, side in enumerate(street.sides, start=1):
            out = s * side.sign
            surface[out > side.kerb] = 3 if side.verge > side.kerb else number
            surface[out > side.verge] = number
            surface[out > side.walk] = 3 if side.garden else number
            surface[out > side.line] = 3 if side.yard else number
        if street.crossing is not None:
            first, last = street.crossing
            rows = ((self.z > first - 2) & (self.z < last + 2))[:, 0]
            off = surface[rows]
            surface[rows] = np.where(off == 3, np.where(s[rows] < 0, 1, 2), off)
            surface[((self.z > first) & (self.z < last))[:, 0]] = 0
        return surface, np.array([ROAD, SIDEWALK, SIDEWALK, VEGETATION], np.uint8)

    def paint_marks(self, look: Look) -> np.ndarray:
        """Strength of white paint on the road, ``(h, W)`` float32."""
        z, s = self.z, self.s
        paint = np.zeros(s.shape, np.float32)
        thin = np.minimum(LANE * self.sharp, 1.0)
        half = np.maximum(LANE, 1.0 / self.sharp) / 2
        for place, dashed in zip(look.lines, look.dashed, strict=True):
            stroke = np.abs(s - place) < half
            if dashed:
                stroke = stroke & (z - 6 * np.floor(z / 6) < 3)
            np.copyto(paint, np.float32(1) * thin, where=stroke, casting='same_kind')
        street = self.stage.street
        if street.crossing is not None:
            paint[((z > street.crossing[0]) & (z < street.crossing[1]))[:, 0]] = 0
        if street.zebra is not None:
            rows = ((z > street.zebra[0]) & (z < street.zebra[1]))[:, 0]
            paint[rows] = (s[rows] - np.floor(s[rows])) < 0.5
        return paint * np.float32(look.paint)

    def texture(self, look: Look, surface: np.ndarray, dice: Dice) -> np.ndarray:
        """Brightness of the ground's material, ``(h, W)`` float32, about 1."""
        shift = (dice.uniform(0, 256), dice.uniform(0, 256))
        fade = np.minimum(self.sharp / 30, 1).astype(np.float32)
        rows, columns = self.z * 6 + shift[0], self.s * 6 + shift[1]
        grain = noise.lookup(noise.tile(64, 3), rows, columns) * fade
        patches = noise.lookup(noise.tile(16, 3), rows, columns)
        bright = 1 + np.float32(0.3) * grain + np.float32(0.22) * patches
        walks = (surface == 1) | (surface == 2)
        u, v = self.s / look.slab, self.z / look.slab
        joint = np.minimum(u - np.floor(u), v - np.floor(v)) * look.slab < 0.05
        bright -= np.float32(0.22) * fade * (joint & walks)
        bright += np.float32(0.35) * grain * (surface == 3)
        return bright

    def kerbs(self) -> np.ndarray:
        """Mask of the kerb stones, which belong to the sidewalk."""
        half = np.maximum(0.2, 1.0 / self.sharp)
        mask = np.zeros(self.s.shape, bool)
        for side in self.stage.street.sides:
            out = self.s * side.sign - side.kerb
            mask |= (out > 0) & (out < half)
        return mask


def paint_ground(stage: Stage, dice: Dice, look: Look) -> None:
    """Paint the ground from the horizon down; shadows must have been cast before."""
    ground, light = Ground(stage), stage.light
    surface, labels = ground.bands()
    kerbs = ground.kerbs() & (surface != 0)
    label = labels[surface]
    label[kerbs] = SIDEWALK
    table = np.stack([look.road, *look.walks, look.lawn])
    if look.lane is not None:
        table = np.concatenate([table, mix(look.road, rgb(0x9A4B3C), 0.6)[None]])
        first, last = look.lane
        lane = (ground.s > first) & (ground.s < last) & (surface == 0)
        surface = np.where(lane, np.uint8(4), surface)
    colour = table.astype(np.float32)[surface]
    colour *= ground.texture(look, surface, dice)[..., None]
    colour[kerbs] = look.kerb
    marks = ground.paint_marks(look) * (label == ROAD)
    colour += (np.float32(225) - colour) * marks[..., None]
    colour *= light.on_top
    top = ground.top
    shade = cv2.blur(stage.shade, (3, 3))[top:].astype(np.float32)
    colour *= (1 - shade * np.float32(light.harshness / 255))[..., None]
    veil = light.veil(ground.z).astype(np.float32)[..., None]
    colour += (light.haze - colour) * veil
    stage.canvas.image[top:] = colour
    stage.canvas.label[top:] = label
