"""Masks of shapes, against the definition pixel by pixel."""

import numpy as np
import pytest
from annotated_scene import brush, runs
from matplotlib.path import Path as Outline

from mmseg_deeplab.datasets.importing.shape_masks import (
    Patch,
    box_ring,
    brush_mask,
    coco_counts,
    ellipse_mask,
    paste,
    polygon_mask,
    runs_mask,
)
from mmseg_deeplab.utils.errors import InputError

SIZE = (40, 50)
CENTRES = np.stack(np.meshgrid(np.arange(50) + 0.5, np.arange(40) + 0.5), -1)


def whole(patch: Patch, size=SIZE) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[patch.place] = patch.mask
    return mask


def inside(ring) -> np.ndarray:
    """Ask matplotlib for each pixel's centre."""
    outline = Outline([*ring, ring[0]])
    return outline.contains_points(CENTRES.reshape(-1, 2)).reshape(SIZE)


@pytest.mark.parametrize('seed', range(5))
def test_a_star_has_the_pixels_whose_centres_are_in_it(seed):
    random = np.random.RandomState(seed)
    angles = np.sort(random.rand(12)) * 2 * np.pi
    radii = random.uniform(5, 35, 12)  # partly beyond the image
    ring = np.stack([25 + radii * np.cos(angles), 20 + radii * np.sin(angles)], 1)
    np.testing.assert_array_equal(whole(polygon_mask([[ring]], SIZE)), inside(ring))


def test_neighbours_neither_overlap_nor_leave_a_gap():
    middle = [(20.5, 0), (20.5, 40)]
    left = polygon_mask([[[(0, 0), *middle, (0, 40)]]], SIZE)
    right = polygon_mask([[[(50, 0), *middle, (50, 40)]]], SIZE)
    assert (whole(left) ^ whole(right)).all()


def test_a_hole_is_no_part_and_parts_are_joined():
    outer, hole = box_ring(5, 5, 20, 20), box_ring(10, 10, 5, 5)
    mask = polygon_mask([[outer, hole], [box_ring(20, 20, 10, 10)]], SIZE)
    expected = np.zeros(SIZE, bool)
    expected[5:25, 5:25] = True
    expected[10:15, 10:15] = False
    expected[20:30, 20:30] = True
    np.testing.assert_array_equal(whole(mask), expected)


def test_a_box_turns_clockwise():
    ring = box_ring(10, 10, 20, 4, 90, (10, 10))
    np.testing.assert_allclose(ring, [(10, 10), (10, 30), (6, 30), (6, 10)])
    np.testing.assert_allclose(
        box_ring(4, 2, 6, 2, 180), box_ring(4, 2, 6, 2)[[2, 3, 0, 1]]
    )


def test_an_ellipse_has_the_pixels_of_its_formula():
    mask = ellipse_mask(25, 20, 10, 4, 90, SIZE)
    x, y = np.moveaxis(CENTRES, -1, 0)
    expected = ((x - 25) / 4) ** 2 + ((y - 20) / 10) ** 2 <= 1
    np.testing.assert_array_equal(mask, expected)


# Written by pycocotools 2.0.11 for a box with a hole, of 60 rows and 70 columns.
ENCODED = 'U[2]1?00000000ROK55KK55KK55KK55KK55i0000000000000000000000000000000[7'


def test_the_string_of_pycocotools_is_decoded():
    expected = np.zeros((60, 70), bool)
    expected[5:50, 40:66] = True
    expected[20:30, 45:50] = False
    mask = runs_mask(coco_counts(ENCODED), (60, 70), order='F')
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize('density', [0.0, 0.1, 0.6, 1.0])
def test_runs_and_brushes_come_back(density):
    mask = np.random.RandomState(0).rand(11, 13) < density
    for order in 'CF':
        counts = runs(mask.ravel(order=order).astype(int))
        np.testing.assert_array_equal(runs_mask(counts, (11, 13), order=order), mask)
    np.testing.assert_array_equal(brush_mask(brush(mask.astype(int)), (11, 13)), mask)


@pytest.mark.parametrize(('left', 'top'), [(-2, -1), (3, 2), (4, 9), (-9, 0)])
def test_what_lies_outside_is_lost(left, top):
    mask = whole(paste(np.ones((3, 4), bool), left, top, (5, 6)), (5, 6))
    rows, columns = np.mgrid[:5, :6]
    expected = (rows - top >= 0) & (rows - top < 3)
    expected &= (columns - left >= 0) & (columns - left < 4)
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize(
    'draw',
    [
        lambda: runs_mask([10**9, 10**9], SIZE, order='F'),
        lambda: runs_mask([-5, 2005], SIZE, order='F'),
        lambda: coco_counts('~~~~'),
        lambda: brush_mask([255] * 40, SIZE),
        lambda: brush_mask(brush(np.ones(SIZE, int))[:-4], SIZE),
        lambda: polygon_mask([[[(0, 0), (float('nan'), 1), (2, 2)]]], SIZE),
        lambda: polygon_mask([[[(0, 0), (1e30, 1), (2, 2)]]], SIZE),
        lambda: polygon_mask([['x']], SIZE),
    ],
)
def test_hostile_values_are_refused(draw):
    with pytest.raises(InputError):
        draw()
