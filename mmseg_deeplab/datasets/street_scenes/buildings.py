"""Buildings: rows of boxes along the street, and the skyline at its end."""

from dataclasses import dataclass

import numpy as np

from .classes import BUILDING
from .dice import Dice
from .facade import Style, draw_style, materials, texture
from .light import Light
from .stage import Stage
from .street import Side, Street
from .wall import Place, normal, see_wall

BACK = 11.0  # metres; how deep a building reaches away from the street
LAST = 95.0  # metres; where the rows of buildings end


@dataclass(frozen=True)
class Building:
    """A box with one face to the street and one to the camera.

    Args:
        corner: The near corner at the street.
        far: The far corner at the street.
        side: The near corner away from the street.
        eaves: Height of the walls in metres.
        roof: Height of the roof above the walls, 0 for a flat one.
        style: What the faces look like.
        depth: Depth of its far end: what is nearer is drawn later.
        hidden: Whether its neighbour covers the face to the camera.
    """

    corner: Place
    far: Place
    side: Place
    eaves: float
    roof: float
    style: Style
    depth: float
    hidden: bool = False

    def cast(self, stage: Stage) -> None:
        """Draw the shadow of the face to the street."""
        stage.cast_upright(np.array([self.corner, self.far, self.side]), self.eaves)

    def paint(self, stage: Stage) -> None:
        """Draw the face to the camera, then the face to the street."""
        if not self.hidden:
            self._face(stage, self.side, self.corner, gable=True)
        self._face(stage, self.corner, self.far, gable=False)

    def _face(self, stage: Stage, start: Place, end: Place, *, gable: bool) -> None:
        wall = see_wall(stage, start, end, self.eaves + self.roof)
        if wall is None:
            return
        ridge: float | np.ndarray = self.eaves + self.roof
        eaves: float = self.eaves
        if gable and self.roof:
            length = float(np.sqrt((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2))
            slope = 1 - np.abs(2 * wall.u / length - 1)
            ridge, eaves = self.eaves + self.roof * slope, self.eaves + self.roof
        mask = (wall.v < ridge) & (wall.v >= 0) & wall.inside
        light = stage.light
        table = self.style.table * light.on(normal(start, end))
        if light.lamps:  # a lit window does not need the sun
            table[-1] = self.style.table[-1]
        colour = table[materials(self.style, wall, eaves)]
        colour *= texture(self.style, wall)[..., None]
        veil = light.veil(wall.z).astype(np.float32)[:, None]
        colour += (light.haze - colour) * veil
        stage.canvas.stamp(wall.top, wall.left, mask, colour, BUILDING)


def _box(street: Street, side: Side, line: float, first: float, last: float) -> dict:
    """Corners of a box between two depths."""
    s, back = side.sign * line, side.sign * (line + BACK)
    return {
        'corner': (street.x(s, first), first),
        'far': (street.x(s, last), last),
        'side': (street.x(back, first), first),
        'depth': last,
    }


def draw_row(dice: Dice, street: Street, side: Side, light: Light) -> list[Building]:
    """Draw the buildings along one side of the street."""
    row: list[Building] = []
    if side.kind == 'park':
        return row
    block = side.kind == 'block'
    tall = dice.uniform(9.0, 24.0) if block else dice.uniform(3.2, 7.5)
    styles = [draw_style(dice, light, shops=block) for _ in range(5)]
    z, covered = dice.uniform(-6.0, 4.0), 0.0
    while z < LAST:
        long = dice.uniform(9.0, 24.0) if block else dice.uniform(7.0, 12.0)
        if street.crossed(z, z + long, margin=2.0):
            z, covered = max(street.crossing[1] + 2.0, z + 1.0), 0.0
            continue
        eaves = tall * dice.uniform(0.75, 1.3)
        roof = dice.uniform(1.5, 4.0) if dice.chance(0.35 if block else 0.85) else 0.0
        row.append(
            Building(
                **_box(street, side, side.line, z, z + long),
                eaves=eaves,
                roof=roof,
                style=dice.choice(styles),
                hidden=eaves + roof <= covered,
            )
        )
        gap = dice.chance(0.15 if block else 0.9)
        z += long + (dice.uniform(2.5, 8.0) if gap else 0.0)
        covered = 0.0 if gap else eaves
    return row


def draw_skyline(dice: Dice, street: Street, light: Light) -> list[Building]:
    """Draw far buildings that close the view at the end of the street."""
    skyline, styles = [], [draw_style(dice, light, shops=False) for _ in range(3)]
    x = street.x(0.0, LAST) - dice.uniform(150.0, 200.0)
    end = x + 360.0
    while x < end:
        wide, z = dice.uniform(18.0, 50.0), dice.uniform(150.0, 220.0)
        if dice.chance(0.6):
            skyline.append(
                Building(
                    corner=(x + wide, z),
                    far=(x + wide, z + 1.0),
                    side=(x, z),
                    eaves=dice.uniform(8.0, 40.0),
                    roof=0.0,
                    style=dice.choice(styles),
                    depth=z,
                )
            )
        x += wide
    return skyline
