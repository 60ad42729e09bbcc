"""The sheet of scenes."""

import numpy as np
import pytest

from mmseg_deeplab.inference.overlay import colour_labels
from mmseg_deeplab.visualization.image_grid import draw_sheet

PALETTE = [[10, 20, 30], [200, 0, 0]]


def test_ignored_pixels_are_black():
    painted = colour_labels(np.array([[0, 1, 255]]), PALETTE)
    assert painted.tolist() == [[[10, 20, 30], [200, 0, 0], [0, 0, 0]]]


def test_the_sheet_shows_image_truth_and_prediction_side_by_side():
    image = np.full((32, 64, 3), 77, np.uint8)
    truth, prediction = np.zeros((32, 64), int), np.ones((32, 64), int)
    sheet = draw_sheet(
        [(image, truth, prediction)], classes=('a', 'b'), palette=PALETTE, tile_width=64
    )
    middle = np.asarray(sheet)[32 + 16, [8 + 32, 80 + 32, 152 + 32]]
    assert middle.tolist() == [[77, 77, 77], *PALETTE]


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match='at least one scene'):
        draw_sheet([], classes=('a', 'b'), palette=PALETTE)
