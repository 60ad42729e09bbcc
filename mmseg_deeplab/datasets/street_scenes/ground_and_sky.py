"""Ground and sky: road with its markings, sidewalks, grass; gradient, sun, clouds."""

import cv2
import numpy as np

from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR

from .light import mix, rgb
from .random_numbers import RandomNumbers, noise_at, noise_grid, noise_tile
from .scene import Scene
from .scene_options import ROAD, SIDEWALK, VEGETATION

FARTHEST = 400.0  # metres; where the ground ends at the horizon
ROADS = (0x3C3D40, 0x55565A, 0x6B6B6C, 0x85827E, 0x77706A, 0x9A958C)
WALKS = (0x8E8B86, 0xA8A39A, 0x77777A, 0xB8A890, 0xA07466, 0x8C7A6E, 0xC4C0B8, 0x66666A)
LAWNS = (0x5C7A34, 0x7A8B3C, 0x9A8F55, 0x4B6A3A, 0x86703F)
# Labels of the surfaces: road, left and right sidewalk, grass.
LABELS = np.array([ROAD, SIDEWALK, SIDEWALK, VEGETATION], np.uint8)
LANE = 0.13  # metres, width of a painted line


class Ground:
    """The visible ground: where each pixel below the horizon lies, and how it looks."""

    def __init__(self, rng: RandomNumbers, scene: Scene) -> None:
        self.scene = scene
        self._draw_look(rng)
        camera, street = scene.camera, scene.street
        self.top = max(int(camera.horizon + camera.focal * camera.eye / FARTHEST), 0)
        drops = camera.drops(self.top, camera.height)
        drops = np.maximum(drops, camera.eye / FARTHEST)
        # Depth of each row in metres, (h, 1), and street coordinate of each pixel.
        self.z = (camera.eye / drops).astype(np.float32)[:, None]
        offset = np.float32(street.eye) - np.float32(street.bend) * self.z * self.z
        slopes = camera.slopes(0, camera.width).astype(np.float32)
        self.s = slopes[None, :] * self.z + offset
        # below one pixel, what is painted on the ground fades instead of flickering
        pixels_per_metre = np.minimum(camera.focal / self.z, 1e4)
        self.sharp = pixels_per_metre.astype(np.float32)

    def _draw_look(self, rng: RandomNumbers) -> None:
        left, right = (side.sign * side.kerb for side in self.scene.street.sides)
        # Where painted lines run, and whether they are dashed.
        self.lines = [(0.0, rng.chance(0.7))]
        if rng.chance(0.5):
            dashed = rng.chance(0.3)
            self.lines += [(left + 2.2, dashed), (right - 2.2, dashed)]
        walk = rgb(rng.choice(WALKS))
        other_walk = rgb(rng.choice(WALKS)) if rng.chance(0.3) else walk
        road = mix(rgb(rng.choice(ROADS)), rgb(rng.choice(ROADS)), rng.unit())
        lawn = mix(rgb(rng.choice(LAWNS)), rgb(rng.choice(LAWNS)), rng.unit())
        bus_lane = mix(road, rgb(0x9A4B3C), 0.6)
        self.table = np.stack([road, walk, other_walk, lawn, bus_lane])
        self.kerb = mix(rgb(0xB5B2AC), walk, rng.uniform(0.0, 0.8))
        self.slab = rng.uniform(0.5, 1.2)  # edge of the sidewalk's slabs in metres
        self.paint = rng.uniform(0.5, 1.0) if rng.chance(0.85) else 0.0  # 0 .. 1
        # First and last `s` of a lane of another colour.
        self.lane = (right - 1.7, right) if rng.chance(0.12) else None

    def surfaces(self) -> np.ndarray:
        """Number of the surface under each pixel, ``(h, W)`` uint8, see `LABELS`."""
        street, s = self.scene.street, self.s
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
        return surface

    def paint_marks(self) -> np.ndarray:
        """Strength of white paint on the road, ``(h, W)`` float32."""
        z, s = self.z, self.s
        paint = np.zeros(s.shape, np.float32)
        thin = np.minimum(LANE * self.sharp, 1.0)
        half = np.maximum(LANE, 1.0 / self.sharp) / 2
        for place, dashed in self.lines:
            stroke = np.abs(s - place) < half
            if dashed:
                stroke = stroke & (z - 6 * np.floor(z / 6) < 3)
            np.copyto(paint, np.float32(1) * thin, where=stroke, casting='same_kind')
        street = self.scene.street
        if street.crossing is not None:
            paint[((z > street.crossing[0]) & (z < street.crossing[1]))[:, 0]] = 0
        if street.zebra is not None:
            rows = ((z > street.zebra[0]) & (z < street.zebra[1]))[:, 0]
            paint[rows] = (s[rows] - np.floor(s[rows])) < 0.5
        return paint * np.float32(self.paint)

    def texture(self, rng: RandomNumbers, surface: np.ndarray) -> np.ndarray:
        """Brightness of the ground's material, ``(h, W)`` float32, about 1."""
        shift = (rng.uniform(0, 256), rng.uniform(0, 256))
        fade = np.minimum(self.sharp / 30, 1).astype(np.float32)
        rows, columns = self.z * 6 + shift[0], self.s * 6 + shift[1]
        grain = noise_at(noise_tile(64, 3), rows, columns) * fade
        patches = noise_at(noise_tile(16, 3), rows, columns)
        bright = 1 + np.float32(0.3) * grain + np.float32(0.22) * patches
        walks = (surface == 1) | (surface == 2)
        u, v = self.s / self.slab, self.z / self.slab
        joint = np.minimum(u - np.floor(u), v - np.floor(v)) * self.slab < 0.05
        bright -= np.float32(0.22) * fade * (joint & walks)
        bright += np.float32(0.35) * grain * (surface == 3)
        return bright


def paint_ground(scene: Scene, rng: RandomNumbers) -> None:
    """Paint the ground from the horizon down; shadows must have been cast before."""
    ground, light = Ground(rng, scene), scene.light
    surface = ground.surfaces()
    half = np.maximum(0.2, 1.0 / ground.sharp)
    kerbs = np.zeros(ground.s.shape, bool)  # stones, which belong to the sidewalk
    for side in scene.street.sides:
        out = ground.s * side.sign - side.kerb
        kerbs |= (out > 0) & (out < half)
    kerbs &= surface != 0
    label = LABELS[surface]
    label[kerbs] = SIDEWALK
    if ground.lane is not None:
        first, last = ground.lane
        lane = (ground.s > first) & (ground.s < last) & (surface == 0)
        surface = np.where(lane, np.uint8(4), surface)
    colour = ground.table.astype(np.float32)[surface]
    colour *= ground.texture(rng, surface)[..., None]
    colour[kerbs] = ground.kerb
    marks = ground.paint_marks() * (label == ROAD)
    colour += (np.float32(225) - colour) * marks[..., None]
    colour *= light.on_top
    top = ground.top
    shade = cv2.blur(scene.shade, (3, 3))[top:].astype(np.float32)
    colour *= (1 - shade * np.float32(light.shadow_strength / 255))[..., None]
    haze = light.haze_share(ground.z).astype(np.float32)[..., None]
    colour += (light.haze - colour) * haze
    scene.image[top:] = colour
    scene.ids[top:] = label * np.int32(LABEL_DIVISOR)


def _clear_sky(scene: Scene, rows: int) -> np.ndarray:
    """The clear sky above the horizon, ``(rows, W, 3)``."""
    camera, light = scene.camera, scene.light
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


def paint_sky(scene: Scene, rng: RandomNumbers) -> None:
    """Paint the sky down to the horizon (the label is sky from the beginning)."""
    camera, light = scene.camera, scene.light
    rows = min(int(camera.horizon) + 3, camera.height)
    sky = _clear_sky(scene, rows)
    step = 60.0 / camera.width  # about a quarter of a tile across the image
    tile = noise_tile(4, 5)
    cover = noise_grid(tile, rows, camera.width, step * 2, rng.place())
    cover = (cover + np.float32(light.clouds * 0.9 - 0.45)) * np.float32(3)
    cover = np.clip(cover, 0, 1)[..., None] * np.float32(0.85)
    # clouds are lit like a surface that faces up, and greyer the more there are
    bright = rgb(0xFFFFFF) * (light.direct + light.ambient) * np.float32(0.85)
    clouds = mix(bright, light.haze, 0.3 + 0.4 * light.clouds)
    scene.image[:rows] = sky + (clouds - sky) * cover
