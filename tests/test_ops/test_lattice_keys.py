"""Integers of lattice points against their coordinates."""

import pytest
import torch
from lattice_corners import corner_coordinates

from mmseg_deeplab.ops.lattice_keys import LatticeKeys
from mmseg_deeplab.ops.permutohedral import _elevation, _place

DIMS = [1, 2, 3, 5]


def random_points(dim, spread, count=60):
    generator = torch.Generator().manual_seed(dim)
    points = torch.rand(count, dim, generator=generator, dtype=torch.float64)
    return (points - 0.5) * spread


def keys_around(points):
    return LatticeKeys.around(points, _elevation(points.shape[1]))


def key_of(keys, coordinates):
    """Encode by the definition, in integers without an end, then as int64."""
    pairs = zip(coordinates.tolist(), keys.factors, strict=True)
    number = sum(coordinate * factor for coordinate, factor in pairs)
    return (number + 2**63) % 2**64 - 2**63


@pytest.mark.parametrize('spread', [0.1, 4.0, 300.0, 1e9], ids='spread={:g}'.format)
@pytest.mark.parametrize('dim', DIMS)
def test_corners_are_those_of_the_paper(dim, spread):
    points = random_points(dim, spread)
    keys = keys_around(points)
    found = _place(points, keys)[1]
    expected = [
        [key_of(keys, corner) for corner in corners]
        for corners in corner_coordinates(points)
    ]
    assert found.tolist() == expected


@pytest.mark.parametrize('spread', [4.0, 1e12], ids='spread={:g}'.format)
@pytest.mark.parametrize('dim', DIMS)
def test_steps_along_each_axis(dim, spread):
    points = random_points(dim, spread)
    keys = keys_around(points)
    corners = corner_coordinates(points).view(-1, dim + 1)
    numbers = torch.tensor([key_of(keys, corner) for corner in corners])
    for axis in range(dim + 1):
        step = torch.ones(dim + 1, dtype=torch.long)
        step[axis] -= dim + 1
        expected = [key_of(keys, corner) for corner in corners + step]
        assert (numbers + keys.steps[axis]).tolist() == expected


@pytest.mark.parametrize('spread', [0.5, 6.0, 1e12], ids='spread={:g}'.format)
@pytest.mark.parametrize('dim', DIMS)
def test_different_points_have_different_integers(dim, spread):
    points = random_points(dim, spread)
    keys = keys_around(points)
    corners = corner_coordinates(points).view(-1, dim + 1)
    step = torch.ones(dim + 1, dtype=torch.long)
    around = [corners]
    for axis in range(dim + 1):  # as far as bridges are looked for
        step[axis] -= dim + 1
        around += [corners + step, corners - step]
        step[axis] += dim + 1
    different = torch.cat(around).unique(dim=0)
    assert len({key_of(keys, corner) for corner in different}) == len(different)
