"""Which images count as nearly the same."""

import tracemalloc

import cv2
import numpy as np
import pytest

from mmseg_deeplab.datasets import similar_images as module
from mmseg_deeplab.datasets.similar_images import (
    SIMILAR,
    brightness_steps,
    most_similar,
    similar_groups,
)
from mmseg_deeplab.datasets.street_scenes import render_scene


def scene(number: int) -> np.ndarray:
    return render_scene('train', number, (128, 256))[0]


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    steps = [brightness_steps(image)[None] for image in (one, other)]
    return float(most_similar(*steps)[1][0])


COPIES = dict(
    half=lambda image: cv2.resize(image, None, fx=0.5, fy=0.5),
    double=lambda image: cv2.resize(image, None, fx=2, fy=2),
    brighter=lambda image: cv2.convertScaleAbs(image, alpha=0.7, beta=60),
    jpeg=lambda image: cv2.imdecode(cv2.imencode('.jpg', image, [1, 50])[1], 1),
    grey=lambda image: image.mean(2),
    more_bits=lambda image: image.astype(np.uint16) * 257,
    bands=lambda image: np.repeat(image, 5, axis=2).astype(np.int32),
)


@pytest.mark.parametrize('copy', COPIES.values(), ids=COPIES)
def test_a_copy_is_similar(copy):
    assert similarity(scene(0), copy(scene(0))) > SIMILAR


def test_other_scenes_are_not():
    steps = np.stack([brightness_steps(scene(number)) for number in range(20)])
    assert not list(similar_groups(steps, 0.6))


def test_black_around_the_content_makes_nothing_similar():
    dark = np.zeros((2, 256, 256, 3), np.uint8)
    for image, number in zip(dark, (0, 1), strict=True):
        image[100:164, 64:192] = cv2.resize(scene(number), (128, 64))
    assert similarity(*dark) < 0.7
    flat = np.full((64, 64), 7, np.uint8)
    assert similarity(flat, flat) == 0


def test_groups_over_several_blocks_are_those_of_every_two(monkeypatch):
    rng = np.random.default_rng(0)
    steps = rng.integers(-1, 2, (11, 256)).astype(np.int8)
    steps[[3, 7, 10]] = steps[[0, 6, 0]]
    monkeypatch.setattr(module, 'BLOCK', 4)
    groups = [group.tolist() for group in similar_groups(steps)]
    assert groups == [[0, 3, 10], [3, 10], [6, 7]]
    index, found = most_similar(steps[7:], steps[:7])
    assert index[0] == 6 and index[3] in (0, 3) and found[3] == pytest.approx(1)


def test_images_that_are_all_similar_need_no_memory_for_all_pairs():
    steps = np.ones((3000, 256), np.int8)
    tracemalloc.start()
    assert sum(map(len, similar_groups(steps))) == 3000 * 3001 // 2 - 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 2999 // 2 * 16  # bytes of all pairs
