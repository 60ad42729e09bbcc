"""Buildings: boxes along the street with storeys, windows, shops, brick and roofs."""

from dataclasses import dataclass

import numpy as np

from .light import Colour, Light, mix, rgb
from .random_numbers import RandomNumbers, noise_at, noise_tile
from .scene import Place, Scene, Wall, see_wall
from .scene_options import BUILDING
from .street import Side, Street

BACK = 11.0  # metres; how deep a building reaches away from the street
LAST = 95.0  # metres; where the rows of buildings end

PLASTER = (
    0xD9CDB4, 0xE6E1D6, 0xC9A97A, 0xC98F74, 0xB7BFA0, 0xA9B8C4, 0xD8B9A8, 0x9A9C98,
)  # fmt: skip
BRICK = (0x8E4B3A, 0xA0604A, 0x6E4034, 0xB08A5E, 0x7B6A5C)
STONE = (0x8A8782, 0xA7A39B, 0x6A6B6E, 0x54565A, 0xBDB8AC)
GREEN = (0x5E7355, 0x7C8B5F, 0x48604C)
GLASS = (0x7FA6C8, 0xA9C4D6, 0x5D7F9C, 0x93A7B0)
ROOF = (0x7A4A3C, 0x5A4A46, 0x4A4C52, 0x8C5A44, 0x6B6E70)
SIGN = (0xB23A3A, 0x2F5DA8, 0x2E7D4F, 0xE0C040, 0xF0F0F0, 0x202020, 0xD07030)
WALLS = dict(plaster=PLASTER, brick=BRICK, stone=STONE, glass=GLASS, green=GREEN)
STYLES = {'plaster': 0.38, 'brick': 0.24, 'stone': 0.2, 'glass': 0.12, 'green': 0.06}
# Rows of a style's colour table.
WALL, FRAME, ROOFING, BAND, SHOP, BOARD, DOOR, PANE = range(8)
PANES = 8  # variants of window panes, from row PANE on


def _pane_colours(rng: RandomNumbers, light: Light, lit: float) -> list[Colour]:
    """Window panes: dark rooms, curtains, reflected sky, at dusk lamps."""
    dark, curtain = rgb(0x2A3038), rgb(0xA8A296)
    panes = [dark, mix(dark, light.zenith, 0.35), mix(dark, curtain, 0.5)]
    panes += [mix(dark, light.haze, rng.uniform(0.1, 0.6)), dark * np.float32(0.7)]
    panes += [mix(dark, curtain, 0.2), mix(dark, light.haze, 0.25)]
    lamp = rgb(0xFFD48A) * np.float32(1.3) if light.lamps else mix(dark, curtain, 0.3)
    return [*panes, mix(dark, lamp, lit)]


class Style:
    """How the faces of a building look; ``shops`` allows shops on the ground floor."""

    def __init__(self, rng: RandomNumbers, light: Light, *, shops: bool) -> None:
        kind = rng.weighted(STYLES)
        wall = rgb(rng.choice(WALLS[kind])) * np.float32(rng.uniform(0.75, 1.1))
        trim = mix(wall, rgb(0xECE8E0), rng.uniform(0.2, 0.8))
        panes = _pane_colours(rng, light, rng.uniform(0.6, 1.0))
        if kind == 'glass':
            panes = [mix(pane, wall, 0.7) for pane in panes]
        table = [wall, trim, rgb(rng.choice(ROOF)), trim, mix(panes[0], panes[3], 0.4)]
        table += [rgb(rng.choice(SIGN)), rgb(rng.choice(SIGN)) * np.float32(0.5)]
        # Colours of the materials, (7 + 8, 3).
        self.table = np.stack([*table, *panes]).astype(np.float32)
        # Width and height of a window as shares of bay and storey.
        self.window = (rng.uniform(0.35, 0.62), rng.uniform(0.42, 0.62))
        if kind == 'glass':
            self.window = (0.9, 0.85)
        self.storey = rng.uniform(2.8, 3.7)  # height of a storey in metres
        self.bay = rng.uniform(1.7, 3.4)  # distance between windows in metres
        # Height of the ground floor, 0 without shops.
        self.ground = rng.uniform(3.2, 4.2) if shops and rng.chance(0.5) else 0.0
        # Strength of the wall's texture, and height of its courses (bricks, slabs).
        self.rough = 0.32 if kind in ('brick', 'stone') else 0.16
        self.courses = {'brick': 0.22, 'stone': 0.8}.get(kind, 0.0)
        self.band = rng.chance(0.4)  # whether a ledge runs below every storey
        self.phase = rng.place()


def materials(style: Style, wall: Wall, eaves: float) -> np.ndarray:
    """Material of each pixel, ``(h, w)`` uint8; the roof begins at ``eaves``."""
    floors = (wall.v - style.ground) / style.storey
    floor = np.floor(floors)
    bays = wall.u / style.bay
    bay = np.floor(bays)
    aside = np.abs(bays - bay - 0.5)
    above = np.abs(floors - floor - 0.55)
    wide, high = style.window[0] / 2, style.window[1] / 2
    frame = (aside < wide)[None, :] & (above < high)
    pane = (aside < wide - 0.03)[None, :] & (above < high - 0.03)
    # one pane per window, scattered by a small hash of its place
    column, row = (n.astype(np.int32).astype(np.uint8) for n in (bay * 5, floor * 11))
    mixed = column[None, :] + row
    variant = mixed * (mixed + np.uint8(style.phase[0])) >> np.uint8(5)
    material = np.where(frame, np.uint8(FRAME), np.uint8(WALL))
    np.copyto(material, variant + np.uint8(PANE), where=pane)
    if style.band:
        material[floors - floor < 0.07] = BAND
    material[wall.v > eaves - 0.45] = BAND
    material[wall.v > eaves] = ROOFING
    if style.ground:
        low = wall.v < style.ground
        np.copyto(material, _ground_floor(style, wall.u, wall.v), where=low)
    return material


def _ground_floor(style: Style, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Material of each pixel of a ground floor with shops, ``(h, w)`` uint8."""
    shops = u / (style.bay * 2)
    shop = np.floor(shops)
    aside = np.abs(shops - shop - 0.5)
    share = v / style.ground
    glass = (aside < 0.42)[None, :] & (share > 0.12) & (share < 0.72)
    door = ((aside < 0.1) & (shop % 3 == 0))[None, :] & (share < 0.66)
    material = np.where(glass, np.uint8(SHOP), np.uint8(WALL))
    material[(share > 0.76) & (share < 0.94) & (aside < 0.46)[None, :]] = BOARD
    material[door] = DOOR
    return material


def texture(style: Style, wall: Wall) -> np.ndarray:
    """Brightness of a face, ``(h, w)`` float32, about 1: stains, bricks, dark foot."""
    rows = wall.v * 5 + style.phase[0]
    columns = (wall.u * 5 + style.phase[1])[None, :]
    stains = noise_at(noise_tile(16, 5), rows, columns)
    bright = 1 + np.float32(style.rough) * stains
    bright += np.minimum(wall.v * np.float32(0.05) - np.float32(0.12), 0)
    if style.courses:
        course = wall.v / style.courses
        joint = course - np.floor(course) < 0.2
        # joints are visible only where a course is wider than two pixels
        bright -= np.float32(0.1) * (joint & (wall.z < 18 * style.courses / 0.22))
    return bright


@dataclass(frozen=True)
class Building:
    """A box with one face to the street and one to the camera."""

    corner: Place  # the near corner at the street
    far: Place  # the far corner at the street
    side: Place  # the near corner away from the street
    eaves: float  # height of the walls in metres
    roof: float  # height of the roof above the walls, 0 for a flat one
    style: Style
    depth: float  # depth of the far end: what is nearer is drawn later
    hidden: bool = False  # whether the neighbour covers the face to the camera

    def cast(self, scene: Scene) -> None:
        scene.cast_shadow([self.corner, self.far, self.side], self.eaves)

    def paint(self, scene: Scene) -> None:
        if not self.hidden:
            self._face(scene, self.side, self.corner, gable=True)
        self._face(scene, self.corner, self.far, gable=False)

    def _face(self, scene: Scene, start: Place, end: Place, *, gable: bool) -> None:
        ridge: float | np.ndarray = self.eaves + self.roof
        wall = see_wall(scene, start, end, ridge)
        if wall is None:
            return
        eaves = self.eaves
        if gable and self.roof:
            eaves, slope = ridge, 1 - np.abs(2 * wall.u / wall.length - 1)
            ridge = self.eaves + self.roof * slope
        table = self.style.table * scene.light.on(wall.normal)
        if scene.light.lamps:  # a lit window does not need the sun
            table[-1] = self.style.table[-1]
        colour = table[materials(self.style, wall, eaves)]
        colour *= texture(self.style, wall)[..., None]
        wall.paint(scene, ridge, colour, BUILDING)


def draw_buildings(
    rng: RandomNumbers, street: Street, side: Side, light: Light
) -> list[Building]:
    row: list[Building] = []
    if side.kind == 'park':
        return row
    front, back = side.sign * side.line, side.sign * (side.line + BACK)
    block = side.kind == 'block'
    tall = rng.uniform(9.0, 24.0) if block else rng.uniform(3.2, 7.5)
    styles = [Style(rng, light, shops=block) for _ in range(5)]
    z, covered = rng.uniform(-6.0, 4.0), 0.0
    while z < LAST:
        long = rng.uniform(9.0, 24.0) if block else rng.uniform(7.0, 12.0)
        if street.crossed(z, z + long, margin=2.0):
            z, covered = max(street.crossing[1] + 2.0, z + 1.0), 0.0
            continue
        eaves = tall * rng.uniform(0.75, 1.3)
        roof = rng.uniform(1.5, 4.0) if rng.chance(0.35 if block else 0.85) else 0.0
        row.append(
            Building(
                corner=(street.x(front, z), z),
                far=(street.x(front, z + long), z + long),
                side=(street.x(back, z), z),
                eaves=eaves,
                roof=roof,
                style=rng.choice(styles),
                depth=z + long,
                hidden=eaves + roof <= covered,
            )
        )
        gap = rng.chance(0.15 if block else 0.9)
        z += long + (rng.uniform(2.5, 8.0) if gap else 0.0)
        covered = 0.0 if gap else eaves
    return row


def draw_skyline(rng: RandomNumbers, street: Street, light: Light) -> list[Building]:
    """Draw far buildings that close the view at the end of the street."""
    skyline, styles = [], [Style(rng, light, shops=False) for _ in range(3)]
    x = street.x(0.0, LAST) - rng.uniform(150.0, 200.0)
    end = x + 360.0
    while x < end:
        wide, z = rng.uniform(18.0, 50.0), rng.uniform(150.0, 220.0)
        if rng.chance(0.6):
            skyline.append(
                Building(
                    corner=(x + wide, z),
                    far=(x + wide, z + 1.0),
                    side=(x, z),
                    eaves=rng.uniform(8.0, 40.0),
                    roof=0.0,
                    style=rng.choice(styles),
                    depth=z,
                )
            )
        x += wide
    return skyline
