"""Vegetation: trees with ragged crowns, hedges, tree lines at the horizon."""

import numpy as np

from .light import Colour, mix, rgb
from .random_numbers import RandomNumbers, noise_at, noise_grid, noise_tile
from .scene import Place, Scene, disc, see_wall, strip
from .scene_options import VEGETATION
from .street import Side, Street

SUMMER = (0x4E6B2A, 0x5F7F35, 0x3D5A2C, 0x6E8442, 0x4A6644)
AUTUMN = (0xB0813A, 0xA85A2E, 0x8C4A32, 0xC2A046, 0x7F6A3A)
BLOSSOM = (0xC9A0A8, 0xD8D0C0)
SEASONS = {SUMMER: 0.58, SUMMER + AUTUMN: 0.14, AUTUMN: 0.18, BLOSSOM + SUMMER: 0.1}
BARK = (0x4A3F36, 0x6A5C4E, 0x59504A, 0x8A8278)
Season = tuple[int, ...]  # colours from which the leaves of one scene are mixed
# Lumps of a crown: centre and radius in units of the crown's own radius.
LUMPS = ((0.0, 0.1, 0.72), (-0.42, -0.1, 0.55), (0.45, -0.05, 0.5), (0.08, -0.45, 0.5))


class Tree:
    """A trunk and a crown of leaves, of about the given radius in metres."""

    def __init__(
        self, rng: RandomNumbers, x: float, depth: float, season: Season, size: float
    ) -> None:
        self.x, self.depth = x, depth  # place of the trunk
        trunk = rng.uniform(1.9, 3.2)  # height of the lowest leaves in metres
        self.crown = size * rng.uniform(0.8, 1.25)  # half the width in metres
        self.tall = rng.uniform(0.9, 1.5)  # height of the crown over its width
        self.middle = trunk + 0.8 * self.crown * self.tall  # height of its middle
        self.leaves = _leaf_colour(rng, season)
        self.bark = rgb(rng.choice(BARK)) * np.float32(rng.uniform(0.8, 1.2))
        self.phase = rng.place()

    def cast(self, scene: Scene) -> None:
        foot = [(self.x - 0.12, self.depth), (self.x + 0.12, self.depth)]
        scene.cast_shadow(foot, self.middle)
        centre = np.array([self.x, self.depth]) + scene.shadow_shift(self.middle)
        scene.shade_ground(centre + disc(14) * self.crown * 0.85)

    def paint(self, scene: Scene) -> None:
        light, place = scene.light, (self.x, self.depth)
        half = max(0.16, 0.6 * self.depth / scene.camera.focal)
        trunk = strip((0.0, 0.0), (0.0, self.middle), half, half * 0.7)
        lit = self.bark * light.on_front * scene.dimmed(*place)
        scene.fill_upright(place, [(trunk, light.seen(lit, self.depth))], VEGETATION)
        camera = scene.camera
        radius = camera.focal * self.crown / self.depth
        high = radius * self.tall
        column = camera.column(self.x, self.depth)
        row = camera.row(self.middle, self.depth)
        top = max(int(np.floor(row - high)), 0)
        left = max(int(np.floor(column - radius)), 0)
        bottom = min(int(row + high) + 1, camera.height)
        right = min(int(column + radius) + 1, camera.width)
        if top >= bottom or left >= right or radius < 0.7:
            return
        u = ((np.arange(left, right) + 0.5 - column) / radius).astype(np.float32)
        v = ((np.arange(top, bottom) + 0.5 - row) / high).astype(np.float32)
        step = min(70.0 / radius, 8.0)  # a crown is about half a tile wide
        corner = (
            self.phase[0] + int((top - row) * step),
            self.phase[1] + int((left - column) * step),
        )
        leaves = noise_grid(noise_tile(16, 4), len(v), len(u), step, corner)
        inside = np.full(leaves.shape, np.float32(-9))
        for x, y, size in LUMPS:
            across, down = u - np.float32(x), v - np.float32(y)
            bulge = (np.float32(size * size) - down * down)[:, None] - across * across
            np.maximum(inside, bulge, out=inside)
        mask = inside + np.float32(0.3) * leaves > 0  # with a ragged border
        twigs = noise_grid(noise_tile(64, 3), len(v), len(u), step * 1.7, corner)
        bright = 0.95 + 0.7 * leaves + 0.45 * twigs - 0.38 * v[:, None]
        bright += np.float32(0.35 * light.shadow_strength * light.sun[0]) * u[None, :]
        lit = self.leaves * (light.on_front + light.on_top) * np.float32(0.5)
        colour = lit * bright.astype(np.float32)[..., None]
        colour += (light.haze - colour) * np.float32(light.haze_share(self.depth))
        scene.paste(top, left, mask, colour, VEGETATION)


class Hedge:
    """A hedge, or far away a line of trees."""

    def __init__(
        self,
        rng: RandomNumbers,
        start: Place,
        end: Place,
        season: Season,
        height: float,
        ragged: float,
        scale: float,
    ) -> None:
        self.start, self.end, self.depth = start, end, end[1]
        self.height = height  # greatest height in metres
        self.ragged = ragged  # how far the noise cuts into the height, 0 .. 1
        self.leaves = _leaf_colour(rng, season)
        self.scale = scale  # noise cells per metre
        self.phase = rng.place()

    def cast(self, scene: Scene) -> None:
        scene.cast_shadow([self.start, self.end], self.height)

    def paint(self, scene: Scene) -> None:
        wall = see_wall(scene, self.start, self.end, self.height)
        if wall is None:
            return
        rows = wall.v * self.scale + self.phase[0]
        columns = (wall.u * self.scale + self.phase[1])[None, :]
        leaves = noise_at(noise_tile(16, 4), rows, columns)
        edge = self.height * (1 - self.ragged * (0.5 + leaves))
        bright = 0.8 + 0.75 * leaves + 0.3 * (wall.v / self.height).astype(np.float32)
        lit = self.leaves * scene.light.on(wall.normal)
        colour = lit * bright.astype(np.float32)[..., None]
        wall.paint(scene, edge, colour, VEGETATION)


def _leaf_colour(rng: RandomNumbers, season: Season) -> Colour:
    blend = mix(rgb(rng.choice(season)), rgb(rng.choice(season)), 0.4)
    return blend * np.float32(rng.uniform(0.75, 1.3))


def draw_tree_row(
    rng: RandomNumbers, street: Street, side: Side, season: Season, s: float
) -> list[Tree]:
    """Draw a row of trees at about ``s`` metres from the middle of the road."""
    size, step = rng.uniform(1.3, 2.6), rng.uniform(7.0, 14.0)
    z, trees = rng.uniform(6.0, 16.0), []
    while z < 90.0:
        if not street.crossed(z, z) and rng.chance(0.8):
            x = street.x(side.sign * (s + rng.uniform(-0.3, 0.3)), z)
            trees.append(Tree(rng, x, z, season, size))
        z += step * rng.uniform(0.8, 1.2)
    return trees


def draw_woods(rng: RandomNumbers, street: Street, season: Season) -> Hedge:
    z, middle = rng.uniform(140.0, 230.0), street.x(0.0, 130.0)
    start, end = (middle - 220.0, z), (middle + 220.0, z)
    return Hedge(rng, start, end, season, rng.uniform(8.0, 20.0), 0.6, 1.2)
