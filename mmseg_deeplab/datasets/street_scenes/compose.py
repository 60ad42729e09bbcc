"""A whole scene: plan, light, things, painted from far to near."""

import numpy as np

from .buildings import draw_row, draw_skyline
from .camera import Camera, draw_camera
from .canvas import Canvas
from .cars import Car, draw_parked, draw_traffic
from .dice import Dice
from .ground import draw_look, paint_ground
from .lens import expose
from .light import draw_light
from .people import Person, draw_group
from .poles import draw_poles
from .request import SPLITS, check_integer, check_size, check_split
from .sky import paint_sky
from .stage import Stage, Thing
from .street import Side, Street, draw_street
from .vegetation import Season, draw_alley, draw_hedge, draw_season, draw_woods

SHADOWS = 60.0  # metres; farther shadows would be a line of pixels


def _people(dice: Dice, street: Street, camera: Camera) -> list[Person]:
    """People on the sidewalks, and at a pedestrian crossing or on the road."""
    people: list[Person] = []
    for side in street.sides:
        for number in range(dice.integer(1, 3)):
            s = side.sign * dice.uniform(side.verge + 0.4, side.walk - 0.3)
            nearest = max(5.5, 1.1 * camera.visible_from(s - street.eye))
            far = 4.0 if number == 0 else 11.0
            people += draw_group(dice, street, s, nearest + dice.uniform(0.0, far))
    if street.zebra is not None or dice.chance(0.35):
        first, last = street.zebra or (6.0, 14.0)
        s = dice.uniform(-0.8, 0.8) * street.sides[1].kerb
        people += draw_group(dice, street, s, dice.uniform(first, last))
    return people


def _cars(dice: Dice, street: Street, camera: Camera, *, lamps: bool) -> list[Car]:
    """Cars that drive and cars that are parked."""
    cars = draw_traffic(dice, street, lamps=lamps)
    for side in street.sides:
        s = side.sign * (side.kerb - 1.0)
        nearest = max(7.0, 1.1 * camera.visible_from(s - street.eye))
        cars += draw_parked(dice, street, side, nearest)
    return cars


def _plants(dice: Dice, street: Street, side: Side, season: Season) -> list[Thing]:
    """Trees and hedges along one side."""
    plants: list[Thing] = []
    if side.kind == 'park' or dice.chance(0.4):
        s = side.kerb + 0.9 if side.kind != 'park' else side.walk + 1.2
        plants += draw_alley(dice, street, side, season, s)
    if side.kind == 'park':
        plants += draw_alley(dice, street, side, season, side.walk + 6.0)
    if side.kind != 'block':
        z = dice.uniform(0.0, 6.0)
        while z < 80.0:
            long = dice.uniform(3.0, 14.0)
            if dice.chance(0.6) and not street.crossed(z, z + long, margin=2.0):
                plants.append(draw_hedge(dice, street, side, season, z, long))
            z += long + dice.uniform(0.5, 4.0)
    return plants


def _things(dice: Dice, stage: Stage) -> list[Thing]:
    """Everything that stands on the ground, from far to near."""
    street, camera, light = stage.street, stage.camera, stage.light
    season = draw_season(dice)
    things: list[Thing] = []
    for side in street.sides:
        things += draw_row(dice, street, side, light)
        things += _plants(dice, street, side, season)
        s = side.sign * (side.kerb + 0.5)
        nearest = max(6.5, 1.05 * camera.visible_from(s - street.eye))
        things += draw_poles(dice, street, side, nearest)
    cars = _cars(dice, street, camera, lamps=light.lamps)
    people = _people(dice, street, camera)
    things += cars
    things += [
        one for one in people if not any(car.covers(one.x, one.depth) for car in cars)
    ]
    return sorted(things, key=lambda thing: -thing.depth)


def _backdrop(dice: Dice, stage: Stage) -> list[Thing]:
    """What closes the view at the horizon."""
    things: list[Thing] = []
    if dice.chance(0.7):
        things.append(draw_woods(dice, stage.street, draw_season(dice)))
    if dice.chance(0.7):
        things += draw_skyline(dice, stage.street, stage.light)
    return sorted(things, key=lambda thing: -thing.depth)


def render_scene(
    split: str, index: int, size: tuple[int, int] = (128, 256), seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one street scene from its number alone.

    The plan of a scene does not depend on ``size``: at the same aspect ratio the same
    scene is drawn finer or coarser.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``; their streams are disjoint.
        index: Number of the scene.
        size: Height and width in pixels.
        seed: Number of the collection.

    Returns:
        The image ``(H, W, 3)`` uint8 BGR, and its label ``(H, W)`` uint8.

    Raises:
        TypeError: If an argument is not of its kind.
        ValueError: If an argument is out of range.
    """
    check_split(split)
    check_integer('index', index, 0)
    check_integer('seed', seed, 0)
    check_size(size)
    height, width = size
    draws = [Dice(seed, SPLITS.index(split), index, part) for part in range(4)]
    plan, stuff, looks, pixels = draws
    camera = draw_camera(plan, height, width)
    street = draw_street(plan)
    stage = Stage(camera, street, draw_light(plan), Canvas(height, width))
    things = _things(stuff, stage)
    for thing in things:
        if thing.depth < SHADOWS:
            thing.cast(stage)
    paint_sky(stage, looks)
    backdrop = _backdrop(looks, stage)
    for thing in backdrop:
        thing.paint(stage)
    paint_ground(stage, looks, draw_look(looks, street.sides))
    for thing in things:
        thing.paint(stage)
    return expose(stage.canvas.image, looks, pixels), stage.canvas.label
