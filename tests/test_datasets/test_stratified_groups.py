"""Groups of images for splits of given parts."""

import numpy as np
import pytest

from mmseg_deeplab.datasets.stratified_groups import assign_groups


def split(sizes, counts, shares, seed=0):
    rng = np.random.default_rng(seed)
    return assign_groups(np.array(sizes), np.array(counts), np.array(shares), rng)


@pytest.mark.parametrize('shares', [[0.8, 0.2], [0.7, 0.2, 0.1], [0.25] * 4])
@pytest.mark.parametrize('seed', range(5))
def test_each_split_has_its_part_of_the_images_and_of_each_class(shares, seed):
    rng = np.random.default_rng(seed)
    frequency = np.array([1, 0.5, 0.2, 0.05])
    counts = (rng.random((400, 4)) < frequency).astype(int)
    found = split([1] * 400, counts, shares, seed)
    for number, share in enumerate(shares):
        mine = found == number
        assert abs(mine.sum() - share * 400) <= 4
        wanted = share * counts.sum(0)
        assert (abs(counts[mine].sum(0) - wanted) <= 3 + 0.05 * wanted).all()


def test_a_rare_class_reaches_every_split():
    counts = np.zeros((30, 1), int)
    counts[[4, 17]] = 1
    found = split([1] * 30, counts, [0.9, 0.1])
    assert sorted(found[[4, 17]]) == [0, 1]
    assert (found == 1).sum() == 3


def test_without_classes_large_groups_stay_whole_and_parts_are_kept():
    sizes = [10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    found = split(sizes, np.empty((11, 0)), [0.8, 0.2])
    assert found[0] == 0 and (found == 1).sum() == 4


def test_two_images_are_enough_for_two_splits():
    assert sorted(split([1, 1], np.empty((2, 0)), [0.9, 0.1])) == [0, 1]


def test_the_seed_alone_decides():
    first, again, other = (
        split([1] * 50, np.empty((50, 0)), [0.5, 0.5], seed) for seed in (0, 0, 1)
    )
    assert (first == again).all() and (first != other).any()
