"""Statistics of images and labels, against numpy over all pixels."""

from functools import reduce
from operator import add

import numpy as np
import pytest

from mmseg_deeplab.datasets import image_statistics
from mmseg_deeplab.datasets.image_statistics import measure_sample, thickness


@pytest.mark.parametrize('width', [2, 4, 8, 20])
def test_the_thickness_of_a_strip_is_its_width(width):
    mask = np.zeros((80, 80), bool)
    mask[30 : 30 + width] = True
    assert thickness(mask) == pytest.approx(width, abs=0.5)


def test_a_whole_image_is_as_thick_as_its_shorter_side():
    assert thickness(np.ones((30, 50), bool)) == 30


@pytest.mark.parametrize('channels', [None, 1, 3, 5])
def test_mean_and_deviation_are_those_of_all_pixels(channels, monkeypatch):
    shape = (40, 60) if channels is None else (40, 60, channels)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape)).astype(np.uint8)
    label = np.zeros((40, 60), np.uint8)
    sums = [measure_sample(image, label).sums for image in images]
    mean, deviation = reduce(add, sums).mean_and_deviation()
    pixels = images.reshape(-1, channels or 1).astype(float)
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(deviation, pixels.std(0))
    monkeypatch.setattr(image_statistics, 'MOST_PIXELS', 600)
    few = measure_sample(images[0], label).sums
    assert few.count == 600
    np.testing.assert_allclose(few.mean_and_deviation()[0], mean, rtol=0.1)


def test_ignored_pixels_have_no_thickness():
    label = np.full((10, 10), 255, np.uint8)
    label[2:6] = 1
    assert measure_sample(np.zeros((10, 10, 3)), label).thickness.keys() == {1}
