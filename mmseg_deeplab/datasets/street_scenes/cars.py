"""Cars: a body and a cabin made of flat faces, with windows, wheels and lamps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .light import rgb
from .random_numbers import RandomNumbers
from .scene import Scene, disc
from .scene_options import CAR
from .street import Side, Street

PAINTS = {
    0xC8CACC: 0.17, 0xEDEDEB: 0.18, 0x2A2B2E: 0.16, 0x6E7276: 0.16, 0x9B1F23: 0.08,
    0x2C4A7C: 0.09, 0x4C5B4A: 0.04, 0x8A7A62: 0.04, 0xD8B23A: 0.03, 0x5E8CB0: 0.05,
}  # fmt: skip
# Colours of the small parts, and of lamps that are lit.
PARTS = {
    'glass': rgb(0x1E252B), 'tyre': rgb(0x17181A), 'rim': rgb(0x9A9DA0),
    'trim': rgb(0x26282A), 'tail': rgb(0xB01818), 'head': rgb(0xF4F2E4),
    'plate': rgb(0xE6E4D6),
}  # fmt: skip
LAMPS = {'tail': rgb(0xFF4030), 'head': rgb(0xFFFBE8)}
BOTTOM = 0.24  # metres; clearance below the body
WHEEL = 0.33  # metres; radius


@dataclass(frozen=True)
class Shape:
    """The shape of a kind of car, in metres."""

    length: float
    width: float
    belt: float  # height where the windows begin
    hood: float  # height of the front
    roof: float  # height of the roof
    # Foot of the rear window, two ends of the roof and foot of the windscreen, from the
    # middle of the car to its front as shares of the length.
    cabin: tuple[float, float, float, float]


SHAPES = {
    'sedan': Shape(4.5, 1.78, 0.92, 0.72, 1.44, (-0.36, -0.22, 0.10, 0.26)),
    'hatch': Shape(3.9, 1.70, 0.92, 0.74, 1.48, (-0.49, -0.40, 0.10, 0.28)),
    'suv': Shape(4.6, 1.86, 1.06, 0.92, 1.74, (-0.49, -0.43, 0.12, 0.27)),
    'van': Shape(5.0, 1.92, 1.15, 1.00, 2.15, (-0.50, -0.48, 0.28, 0.42)),
}
SHAPE_SHARES = {'sedan': 0.36, 'hatch': 0.32, 'suv': 0.22, 'van': 0.10}

Heading = tuple[float, float]  # x, z
# A face: its corners (n, 3) as (along, across, up), counter-clockwise as seen from
# outside, and what it is.
Face = tuple[np.ndarray, str]


def _box_faces(shape: Shape) -> Iterator[Face]:
    """The faces of the body below the windows."""
    rear, front = -shape.length / 2, shape.length / 2
    nose = shape.cabin[3] * shape.length
    half, belt, hood = shape.width / 2, shape.belt, shape.hood
    low, high = (rear, BOTTOM), (rear, belt)
    profile = [low, (front, BOTTOM), (front, hood), (nose, belt), high]
    for side in (-1, 1):
        corners = [(along, side * half, up) for along, up in profile[::side]]
        yield np.array(corners), 'side'
    yield _quad(low, high, -half, -half), 'end'
    yield _quad((front, BOTTOM), (front, hood), half, half), 'end'
    yield _quad((front, hood), (nose, belt), half, half), 'top'
    yield _quad((nose, belt), high, half, half), 'top'


def _quad(
    low: tuple[float, float], high: tuple[float, float], half: float, high_half: float
) -> np.ndarray:
    """A face across the car between two (along, up), backwards if ``half`` < 0."""
    (a, b), (c, d) = low, high
    return np.array(
        [(a, half, b), (a, -half, b), (c, -high_half, d), (c, high_half, d)], float
    )


def _cabin_faces(shape: Shape) -> Iterator[Face]:
    """The faces of the cabin, then the windows in the four around it."""
    foot, back, fore, nose = (share * shape.length for share in shape.cabin)
    wide, slim = shape.width * 0.48, shape.width * 0.40
    belt, roof = shape.belt, shape.roof
    rear = _quad((foot, belt), (back, roof), -wide, -slim)
    front = _quad((nose, belt), (fore, roof), wide, slim)
    sides = [
        np.array([front[1], rear[0], rear[3], front[2]]),
        np.array([rear[1], front[0], front[3], rear[2]]),
    ]
    yield from ((face, 'side') for face in sides)
    yield from ((face, 'end') for face in (rear, front))
    yield _quad((fore, roof), (back, roof), slim, slim), 'top'
    for face in sides:
        yield inset(face, 0.08, 0.47, 0.1, 0.88), 'glass'
        yield inset(face, 0.53, 0.93, 0.1, 0.88), 'glass'
    for face in (rear, front):
        yield inset(face, 0.07, 0.93, 0.1, 0.92), 'glass'


def inset(
    quad: np.ndarray, left: float, right: float, low: float, high: float
) -> np.ndarray:
    """Cut shares of width and height out of a quad ``(4, 3)``, bottom left first."""
    bottom_left, bottom_right, top_right, top_left = quad

    def at(across: float, up: float) -> np.ndarray:
        bottom = bottom_left + across * (bottom_right - bottom_left)
        return bottom + up * (top_left + across * (top_right - top_left) - bottom)

    return np.stack([at(left, low), at(right, low), at(right, high), at(left, high)])


def _wheels(shape: Shape) -> Iterator[Face]:
    circle = disc(12)
    for side in (-1, 1):
        for along in (-0.31 * shape.length, 0.31 * shape.length):
            for size, material in ((1.0, 'tyre'), (0.55, 'rim')):
                points = np.empty((12, 3))
                points[:, 0] = along + side * circle[:, 0] * WHEEL * size
                points[:, 1] = side * (shape.width / 2 + 0.01)
                points[:, 2] = WHEEL + circle[:, 1] * WHEEL * size
                yield points, material


def _end_details(shape: Shape) -> Iterator[Face]:
    """Lamps, plates, bumpers, and the tyres as seen from behind and from the front."""
    ends = [face for face, material in _box_faces(shape) if material == 'end']
    for face, lamp in zip(ends, ('tail', 'head'), strict=True):
        yield inset(face, 0.03, 0.97, 0.0, 0.3), 'trim'
        yield inset(face, 0.02, 0.22, 0.5, 0.85), lamp
        yield inset(face, 0.78, 0.98, 0.5, 0.85), lamp
        yield inset(face, 0.36, 0.64, 0.34, 0.56), 'plate'
        for left in (0.03, 0.83):
            tyre = inset(face, left, left + 0.14, 0.0, 0.1)
            tyre[:2, 2] = 0.0
            yield tyre, 'tyre'


class Mesh:
    """All faces of a kind of car; a rough one lacks plates, bumpers and rims."""

    def __init__(self, kind: str, *, fine: bool) -> None:
        shape = SHAPES[kind]
        details = list(_end_details(shape))
        faces = [face for face in details if face[1] == 'tyre']
        faces += [*_box_faces(shape), *_wheels(shape)]
        faces += [face for face in details if face[1] != 'tyre']
        faces += [*_cabin_faces(shape)]
        if not fine:
            faces = [face for face in faces if face[1] not in ('rim', 'trim', 'plate')]
        # Corners of all faces, (n, 3): along, across, up.
        self.corners = np.concatenate([corners for corners, _ in faces])
        self.materials = [name for _, name in faces]
        lasts = np.cumsum([len(corners) for corners, _ in faces]).tolist()
        self.spans = list(zip([0, *lasts[:-1]], lasts, strict=True))
        # Number of the corner that follows each corner around its face.
        rings = [np.roll(np.arange(first, last), -1) for first, last in self.spans]
        self.following = np.concatenate(rings)

    def seen(self, pixels: np.ndarray) -> np.ndarray:
        """Which faces show their outside: those whose corners turn left."""
        here, there = pixels.astype(np.int64), pixels[self.following]
        twice = here[:, 0] * there[:, 1] - there[:, 0] * here[:, 1]
        area = np.add.reduceat(twice, [first for first, _ in self.spans])
        return area < 0  # rows count downwards


mesh = lru_cache(maxsize=2 * len(SHAPES))(Mesh)


class Car:
    """A car on the road; its heading is a unit vector from its rear to its front."""

    def __init__(
        self, rng: RandomNumbers, x: float, z: float, heading: Heading, *, lamps: bool
    ) -> None:
        self.x, self.z, self.heading, self.lamps = x, z, heading, lamps
        paint = rgb(rng.weighted(PAINTS))
        self.body_colour = paint * np.float32(rng.uniform(0.8, 1.1))
        self.shape = rng.weighted(SHAPE_SHARES)

    @property
    def depth(self) -> float:
        """Depth for the order of drawing: that of its far end."""
        return self.z + 0.4 * SHAPES[self.shape].length * abs(self.heading[1])

    def _ground(self, along: np.ndarray, across: np.ndarray) -> tuple:
        """World ``x`` and ``z`` of places on the car."""
        x, z = self.heading
        return self.x + along * x + across * z, self.z + along * z - across * x

    def covers(self, x: float, z: float) -> bool:
        """Whether a person at a place would stand in the car."""
        along = (x - self.x) * self.heading[0] + (z - self.z) * self.heading[1]
        across = (x - self.x) * self.heading[1] - (z - self.z) * self.heading[0]
        shape = SHAPES[self.shape]
        return (
            abs(along) < shape.length / 2 + 0.3 and abs(across) < shape.width / 2 + 0.4
        )

    def cast(self, scene: Scene) -> None:
        """Draw the dark ground below the car, and the shadow beside it."""
        shape = SHAPES[self.shape]
        along = np.array([-0.5, 0.5, 0.5, -0.5]) * shape.length
        across = np.array([-0.5, -0.5, 0.5, 0.5]) * shape.width
        foot = np.stack(self._ground(along, across), axis=1)
        scene.cast_shadow(foot, shape.roof * 0.85)

    def paint(self, scene: Scene) -> None:
        parts = mesh(self.shape, fine=self.z < 32)
        along, across, up = parts.corners.T
        x, z = self._ground(along, across)
        if z.min() < 1.5:
            return
        pixels = scene.camera.pixels(x, up, z)
        colours = self._colours(scene)
        for number in np.flatnonzero(parts.seen(pixels)).tolist():
            face = slice(*parts.spans[number])
            scene.fill(pixels[face], colours[parts.materials[number]], CAR)

    def _colours(self, scene: Scene) -> dict[str, list[float]]:
        light, flank = scene.light, -0.95 if self.x > 0 else 0.95
        end = light.on_front
        lit = {material: colour * end for material, colour in PARTS.items()}
        lit['side'] = self.body_colour * light.on((flank, 0.1, -0.3))
        lit['top'] = self.body_colour * light.on_top
        lit['end'] = self.body_colour * end
        if self.lamps:
            lit |= LAMPS
        dim = scene.dimmed(self.x, self.z)
        return {key: light.seen(colour * dim, self.z) for key, colour in lit.items()}


def draw_parked(
    rng: RandomNumbers, street: Street, side: Side, nearest: float
) -> list[Car]:
    cars, s = [], side.sign * (side.kerb - 1.05)
    z = nearest + rng.uniform(0.0, 4.0)
    while z < 60.0:
        free = not street.crossed(z, z, margin=4.0)
        if free and rng.chance(side.parking):
            turn = 1 if side.sign == street.drive or rng.chance(0.3) else -1
            x, ahead = street.heading(z)
            here = street.x(s + rng.uniform(-0.12, 0.12), z)
            heading = (turn * x, turn * ahead)
            cars.append(Car(rng, here, z, heading, lamps=False))
        z += rng.uniform(5.3, 6.6)
    return cars


def draw_traffic(rng: RandomNumbers, street: Street, *, lamps: bool) -> list[Car]:
    """Draw the cars that drive: ahead of the camera, towards it, and across."""
    cars = []
    for turn, chance in ((1, 0.75), (-1, 0.7)):
        side = street.sides[(turn * street.drive + 1) // 2]
        room = side.kerb - (2.1 if side.parking else 0.0)
        s = side.sign * max(room / 2, 1.1)
        z = rng.uniform(7.0, 20.0)
        while z < 65.0 and rng.chance(chance):
            x, ahead = street.heading(z)
            heading = (turn * x, turn * ahead)
            here = street.x(s + rng.uniform(-0.3, 0.3), z)
            cars.append(Car(rng, here, z, heading, lamps=lamps))
            z += rng.uniform(8.0, 25.0)
    if street.crossing is not None and rng.chance(0.6):
        z = sum(street.crossing) / 2 + rng.uniform(-1.5, 1.5)
        x = street.x(rng.uniform(-9.0, 9.0), z)
        heading = (rng.choice((-1.0, 1.0)), 0.0)
        cars.append(Car(rng, x, z, heading, lamps=lamps))
    return cars
