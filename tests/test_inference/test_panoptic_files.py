"""Segments as files and painted over their image."""

import json

import numpy as np
from PIL import Image

from mmseg_deeplab.inference import Prediction
from mmseg_deeplab.inference.overlay import outlines, paint
from mmseg_deeplab.inference.panoptic_files import count_instances, write_segments
from mmseg_deeplab.inference.predictor import Segments

CLASSES = ('road', 'car')
PALETTE = [[128, 64, 128], [0, 0, 142]]


def segments(count=2):
    """Return a road with some cars of 2x2 pixels, and a column of nothing."""
    ids = np.zeros((4, 3 * count + 2), np.int32)
    ids[:, -1] = -1
    for car in range(count):
        ids[1:3, 3 * car + 1 : 3 * car + 3] = 1001 + car
    infos = [dict(id=0, category_id=0, isthing=False, area=1, score=0.5)]
    infos += [
        dict(id=1001 + car, category_id=1, isthing=True, area=4, score=0.25)
        for car in range(count)
    ]
    return Segments(ids, infos)


def test_more_segments_than_a_byte_holds(tmp_path):
    found = segments(300)
    write_segments(tmp_path / 'a.png', found, CLASSES)
    rgb = np.asarray(Image.open(tmp_path / 'a.png')).astype(int)
    numbers = rgb @ [1, 256, 65536]
    infos = json.loads((tmp_path / 'a.json').read_text())['segments_info']
    categories = {0: -1} | {info['id']: info['category_id'] for info in infos}
    assert len(np.unique(numbers)) == 302
    shown = np.vectorize(categories.get)(numbers)
    assert (shown == np.where(found.ids < 0, -1, found.ids // 1000)).all()
    assert count_instances([tmp_path / 'a.json', tmp_path / 'b.json']) == {'car': 300}


def test_instances_have_colours_of_their_own_and_an_outline():
    found = segments()
    image = np.full((*found.ids.shape, 3), 90, np.uint8)
    prediction = Prediction(np.zeros(found.ids.shape, np.uint8), segments=found)
    painted = paint(image, prediction, PALETTE, opacity=1)
    assert (painted[0, 0] == PALETTE[0]).all()  # stuff
    assert (painted[0, -1] == 90).all()  # nothing
    assert (painted[1, 1:3] == 255).all()  # the upper edge of a car
    large = Segments(found.ids.repeat(4, 0).repeat(4, 1), found.infos)
    assert outlines(large).sum() == 2 * (4 * 8 - 1)
    prediction = Prediction(np.zeros(large.ids.shape, np.uint8), segments=large)
    image = image.repeat(4, 0).repeat(4, 1)
    painted = paint(image, prediction, PALETTE, opacity=1)
    inside = [tuple(painted[8, column]) for column in (8, 20)]
    assert len({*inside, tuple(PALETTE[0]), tuple(PALETTE[1])}) == 4


def test_a_panoptic_map_of_nothing():
    nothing = Segments(np.full((3, 4), -1, np.int32), [])
    prediction = Prediction(np.zeros((3, 4), np.uint8), segments=nothing)
    image = np.full((3, 4, 3), 90, np.uint8)
    assert (paint(image, prediction, PALETTE, opacity=1) == image).all()
