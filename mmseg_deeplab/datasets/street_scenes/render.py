"""A whole scene: plan, light, things, painted from far to near."""

from collections.abc import Sequence

import cv2
import numpy as np

from mmseg_deeplab.ops.panoptic_ids import class_map

from .buildings import draw_buildings, draw_skyline
from .camera import Camera, draw_camera, photograph
from .cars import Car, draw_parked, draw_traffic
from .figures import Person, draw_group, draw_poles
from .ground_and_sky import paint_ground, paint_sky
from .light import Light
from .random_numbers import RandomNumbers
from .scene import Scene, Thing
from .scene_options import PALETTE, SPLITS, check_scene
from .street import Side, Street
from .vegetation import SEASONS, Hedge, Season, draw_tree_row, draw_woods

GAP = 6  # pixels of white between scenes
FINER = 3  # images are drawn finer and averaged, which calms noise and edges
COLUMNS = 3
SHADOWS = 60.0  # metres; farther shadows would be a line of pixels


def _people(rng: RandomNumbers, street: Street, camera: Camera) -> list[Person]:
    people: list[Person] = []
    for side in street.sides:
        for number in range(rng.integer(1, 3)):
            s = side.sign * rng.uniform(side.verge + 0.4, side.walk - 0.3)
            nearest = max(5.5, 1.1 * camera.visible_from(s - street.eye))
            far = 4.0 if number == 0 else 11.0
            people += draw_group(rng, street, s, nearest + rng.uniform(0.0, far))
    if street.zebra is not None or rng.chance(0.35):
        first, last = street.zebra or (6.0, 14.0)
        s = rng.uniform(-0.8, 0.8) * street.sides[1].kerb
        people += draw_group(rng, street, s, rng.uniform(first, last))
    return people


def _plants(
    rng: RandomNumbers, street: Street, side: Side, season: Season
) -> list[Thing]:
    plants: list[Thing] = []
    if side.kind == 'park' or rng.chance(0.4):
        s = side.kerb + 0.9 if side.kind != 'park' else side.walk + 1.2
        plants += draw_tree_row(rng, street, side, season, s)
    if side.kind == 'park':
        plants += draw_tree_row(rng, street, side, season, side.walk + 6.0)
    if side.kind != 'block':
        z = rng.uniform(0.0, 6.0)
        while z < 80.0:
            long = rng.uniform(3.0, 14.0)
            if rng.chance(0.6) and not street.crossed(z, z + long, margin=2.0):
                s = side.sign * (side.walk + 0.4)  # the outer edge of the sidewalk
                start, end = ((street.x(s, at), at) for at in (z, z + long))
                height, ragged = rng.uniform(0.9, 2.6), rng.uniform(0.1, 0.35)
                plants.append(Hedge(rng, start, end, season, height, ragged, 9.0))
            z += long + rng.uniform(0.5, 4.0)
    return plants


def _things(rng: RandomNumbers, scene: Scene) -> list[Thing]:
    street, camera, light = scene.street, scene.camera, scene.light
    season = rng.weighted(SEASONS)
    things: list[Thing] = []
    for side in street.sides:
        things += draw_buildings(rng, street, side, light)
        things += _plants(rng, street, side, season)
        s = side.sign * (side.kerb + 0.5)
        nearest = max(6.5, 1.05 * camera.visible_from(s - street.eye))
        things += draw_poles(rng, street, side, nearest)
    cars = draw_traffic(rng, street, lamps=light.lamps)
    for side in street.sides:
        s = side.sign * (side.kerb - 1.0)
        nearest = max(7.0, 1.1 * camera.visible_from(s - street.eye))
        cars += draw_parked(rng, street, side, nearest)
    people = _people(rng, street, camera)
    things += cars
    things += [p for p in people if not any(c.covers(p.x, p.depth) for c in cars)]
    return _far_to_near(things)


def _far_to_near(things: list[Thing]) -> list[Thing]:
    return sorted(things, key=lambda thing: -thing.depth)


def render_scene(
    split: str, index: int, size: tuple[int, int] = (128, 256), seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one street scene from its number alone: image ``(H, W, 3)`` BGR, and label.

    Its plan does not depend on ``size``, ``(H, W)``: it is drawn finer or coarser.
    """
    image, ids = render_panoptic(split, index, size, seed)
    return image, class_map(ids)


def render_panoptic(
    split: str, index: int, size: tuple[int, int] = (128, 256), seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the image of :func:`render_scene`, and panoptic ids ``(H, W)`` int32.

    People and cars are numbered in one row from 1, the farthest first.
    """
    check_scene(split, index, size, seed)
    plan, things_rng, surfaces, pixels = (
        RandomNumbers(seed, SPLITS.index(split), index, part) for part in range(4)
    )
    camera = draw_camera(plan, *size)
    scene = Scene(camera, Street(plan), Light(plan))
    things = _things(things_rng, scene)
    for thing in things:
        if thing.depth < SHADOWS:
            thing.cast(scene)
    paint_sky(scene, surfaces)
    backdrop: list[Thing] = []
    if surfaces.chance(0.7):
        backdrop.append(draw_woods(surfaces, scene.street, surfaces.weighted(SEASONS)))
    if surfaces.chance(0.7):
        backdrop += draw_skyline(surfaces, scene.street, scene.light)
    for thing in _far_to_near(backdrop):
        thing.paint(scene)
    paint_ground(scene, surfaces)
    for thing in things:
        scene.number += isinstance(thing, Car | Person)
        thing.paint(scene)
    return photograph(scene.image, surfaces, pixels), scene.ids


def draw_scene_grid(indices: Sequence[int], *, seed: int = 0) -> np.ndarray:
    """Draw validation scenes in rows, each above its label: ``(H, W, 3)``, BGR."""
    height, width = 132, 264
    pairs = []
    for index in indices:
        fine, _ = render_scene('val', index, (FINER * height, FINER * width), seed)
        image = cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)
        _, label = render_scene('val', index, (height, width), seed)
        pair = np.concatenate([image, np.array(PALETTE, np.uint8)[label][..., ::-1]])
        pairs.append(np.pad(pair, ((0, GAP), (0, GAP), (0, 0)), constant_values=255))
    pairs += [np.full_like(pairs[0], 255)] * (-len(pairs) % COLUMNS)
    rows = [np.hstack(pairs[i : i + COLUMNS]) for i in range(0, len(pairs), COLUMNS)]
    return np.vstack(rows)[:-GAP, :-GAP]
