"""Vegetation: trees with ragged crowns, hedges, tree lines at the horizon."""

from dataclasses import dataclass

import numpy as np

from . import noise
from .classes import VEGETATION
from .dice import Dice
from .light import Colour, mix, rgb
from .shapes import disc
from .stage import Stage
from .street import Side, Street
from .wall import Place, normal, see_wall

SUMMER = (0x4E6B2A, 0x5F7F35, 0x3D5A2C, 0x6E8442, 0x4A6644)
AUTUMN = (0xB0813A, 0xA85A2E, 0x8C4A32, 0xC2A046, 0x7F6A3A)
BLOSSOM = (0xC9A0A8, 0xD8D0C0)
BARK = (0x4A3F36, 0x6A5C4E, 0x59504A, 0x8A8278)
# Lumps of a crown: centre and radius in units of the crown's own radius.
LUMPS = ((0.0, 0.1, 0.72), (-0.42, -0.1, 0.55), (0.45, -0.05, 0.5), (0.08, -0.45, 0.5))


@dataclass(frozen=True)
class Tree:
    """A trunk and a crown of leaves.

    Args:
        x: Place of the trunk.
        depth: Depth of the trunk.
        trunk: Height of the lowest leaves in metres.
        crown: Half the width of the crown in metres.
        tall: Half the height of the crown over half its width.
        leaves: Colour of the leaves.
        bark: Colour of the trunk.
        phase: Where the noise begins in its tile.
    """

    x: float
    depth: float
    trunk: float
    crown: float
    tall: float
    leaves: Colour
    bark: Colour
    phase: tuple[int, int]

    @property
    def middle(self) -> float:
        """Height of the middle of the crown."""
        return self.trunk + 0.8 * self.crown * self.tall

    def cast(self, stage: Stage) -> None:
        """Draw the shadows of the trunk and of the crown."""
        foot = np.array([[self.x - 0.12, self.depth], [self.x + 0.12, self.depth]])
        stage.cast_upright(foot, self.middle)
        centre = np.array([self.x, self.depth]) + stage.shift(self.middle)
        stage.cast(centre + disc(14) * self.crown * 0.85)

    def paint(self, stage: Stage) -> None:
        """Draw the trunk, then the crown."""
        camera, light = stage.camera, stage.light
        half = max(0.16, 0.6 * self.depth / camera.focal)
        x = np.array([self.x - half, self.x + half, self.x + half * 0.7])
        x = np.append(x, self.x - half * 0.7)
        y = np.array([0.0, 0.0, self.middle, self.middle])
        lit = self.bark * light.on_front * stage.dimmed(self.x, self.depth)
        points = camera.pixels(x, y, np.full(4, self.depth))
        stage.canvas.polygon(points, light.seen(lit, self.depth), VEGETATION)
        self._paint_crown(stage)

    def _paint_crown(self, stage: Stage) -> None:
        camera, light = stage.camera, stage.light
        radius = camera.focal * self.crown / self.depth
        column = camera.column(self.x, self.depth)
        row = camera.row(self.middle, self.depth)
        high = radius * self.tall
        box = stage.canvas.window(
            column - radius, row - high, column + radius, row + high
        )
        if box is None or radius < 0.7:
            return
        top, bottom, left, right = box
        u = ((np.arange(left, right) + 0.5 - column) / radius).astype(np.float32)
        v = ((np.arange(top, bottom) + 0.5 - row) / high).astype(np.float32)
        step = min(70.0 / radius, 8.0)  # a crown is about half a tile wide
        corner = (
            self.phase[0] + int((top - row) * step),
            self.phase[1] + int((left - column) * step),
        )
        leaves = noise.grid(noise.tile(16, 4), len(v), len(u), step, corner)
        mask = crown_mask(u, v, leaves)
        twigs = noise.grid(noise.tile(64, 3), len(v), len(u), step * 1.7, corner)
        bright = 0.95 + 0.7 * leaves + 0.45 * twigs - 0.38 * v[:, None]
        bright += np.float32(0.35 * light.harshness * light.sun[0]) * u[None, :]
        lit = self.leaves * (light.on_front + light.on_top) * np.float32(0.5)
        colour = lit * bright.astype(np.float32)[..., None]
        colour += (light.haze - colour) * np.float32(light.veil(self.depth))
        stage.canvas.stamp(top, left, mask, colour, VEGETATION)


def crown_mask(u: np.ndarray, v: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """Where leaves are: a union of discs whose border the noise makes ragged.

    Args:
        u: ``(w,)`` places across, -1 .. 1 over the crown.
        v: ``(h,)`` places down, -1 .. 1 over the crown.
        leaves: ``(h, w)`` noise about 0.
    """
    inside = np.full(leaves.shape, np.float32(-9))
    for x, y, size in LUMPS:
        across, down = u - np.float32(x), v - np.float32(y)
        bulge = (np.float32(size * size) - down * down)[:, None] - (across * across)
        np.maximum(inside, bulge, out=inside)
    return inside + np.float32(0.3) * leaves > 0


@dataclass(frozen=True)
class Hedge:
    """A hedge, or far away a line of trees.

    Args:
        start: Its near end.
        end: Its far end.
        height: Greatest height in metres.
        ragged: How far the noise cuts into the height, 0 .. 1.
        leaves: Colour of the leaves.
        scale: Noise cells per metre.
        phase: Where the noise begins in its tile.
        depth: Depth of its far end.
    """

    start: Place
    end: Place
    height: float
    ragged: float
    leaves: Colour
    scale: float
    phase: tuple[int, int]
    depth: float

    def cast(self, stage: Stage) -> None:
        """Draw the shadow."""
        stage.cast_upright(np.array([self.start, self.end]), self.height)

    def paint(self, stage: Stage) -> None:
        """Draw the hedge."""
        wall = see_wall(stage, self.start, self.end, self.height)
        if wall is None:
            return
        light = stage.light
        rows = wall.v * self.scale + self.phase[0]
        columns = (wall.u * self.scale + self.phase[1])[None, :]
        leaves = noise.lookup(noise.tile(16, 4), rows, columns)
        edge = self.height * (1 - self.ragged * (0.5 + leaves))
        mask = (wall.v < edge) & (wall.v >= 0) & wall.inside
        bright = 0.8 + 0.75 * leaves + 0.3 * (wall.v / self.height).astype(np.float32)
        lit = self.leaves * light.on(normal(self.start, self.end))
        colour = lit * bright.astype(np.float32)[..., None]
        veil = light.veil(wall.z).astype(np.float32)[:, None]
        colour += (light.haze - colour) * veil
        stage.canvas.stamp(wall.top, wall.left, mask, colour, VEGETATION)


@dataclass(frozen=True)
class Season:
    """Colours from which the leaves of one scene are drawn."""

    leaves: tuple[int, ...]

    def draw(self, dice: Dice) -> Colour:
        """Draw the colour of one plant."""
        blend = mix(rgb(dice.choice(self.leaves)), rgb(dice.choice(self.leaves)), 0.4)
        return blend * np.float32(dice.uniform(0.75, 1.3))


def draw_season(dice: Dice) -> Season:
    """Draw the season."""
    shares = {SUMMER: 0.58, SUMMER + AUTUMN: 0.14, AUTUMN: 0.18, BLOSSOM + SUMMER: 0.1}
    return Season(dice.weighted(shares))


def draw_tree(dice: Dice, x: float, z: float, season: Season, size: float) -> Tree:
    """Draw one tree of about the given crown radius."""
    return Tree(
        x=x,
        depth=z,
        trunk=dice.uniform(1.9, 3.2),
        crown=size * dice.uniform(0.8, 1.25),
        tall=dice.uniform(0.9, 1.5),
        leaves=season.draw(dice),
        bark=rgb(dice.choice(BARK)) * np.float32(dice.uniform(0.8, 1.2)),
        phase=(dice.integer(0, 255), dice.integer(0, 255)),
    )


def draw_alley(
    dice: Dice, street: Street, side: Side, season: Season, s: float
) -> list[Tree]:
    """Draw a row of trees at about ``s`` metres from the middle of the road."""
    size, step = dice.uniform(1.3, 2.6), dice.uniform(7.0, 14.0)
    z, trees = dice.uniform(6.0, 16.0), []
    while z < 90.0:
        if not street.crossed(z, z) and dice.chance(0.8):
            x = street.x(side.sign * (s + dice.uniform(-0.3, 0.3)), z)
            trees.append(draw_tree(dice, x, z, season, size))
        z += step * dice.uniform(0.8, 1.2)
    return trees


def draw_hedge(
    dice: Dice, street: Street, side: Side, season: Season, z: float, long: float
) -> Hedge:
    """Draw a hedge along the outer edge of the sidewalk."""
    s = side.sign * (side.walk + 0.4)
    return Hedge(
        start=(street.x(s, z), z),
        end=(street.x(s, z + long), z + long),
        height=dice.uniform(0.9, 2.6),
        ragged=dice.uniform(0.1, 0.35),
        leaves=season.draw(dice),
        scale=9.0,
        phase=(dice.integer(0, 255), dice.integer(0, 255)),
        depth=z + long,
    )


def draw_woods(dice: Dice, street: Street, season: Season) -> Hedge:
    """Draw a line of trees at the horizon."""
    z = dice.uniform(140.0, 230.0)
    return Hedge(
        start=(street.x(0.0, 130.0) - 220.0, z),
        end=(street.x(0.0, 130.0) + 220.0, z),
        height=dice.uniform(8.0, 20.0),
        ragged=0.6,
        leaves=season.draw(dice),
        scale=1.2,
        phase=(dice.integer(0, 255), dice.integer(0, 255)),
        depth=z,
    )
