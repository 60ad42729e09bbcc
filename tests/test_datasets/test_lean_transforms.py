"""The random transforms equal those of the base classes, number by number."""

import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop

from mmseg_deeplab.datasets.transforms import LeanPhotoMetricDistortion, LeanRandomCrop
from mmseg_deeplab.datasets.transforms.lean_transforms import class_counts


def image(size=(40, 60), seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def blocks(size=(40, 60), seed=0, *, ignored=0.2) -> np.ndarray:
    """A label in blocks of 10, so that crops have few classes; some is ignored."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, (size[0] // 10, size[1] // 10)).repeat(10, 0)
    label = label.repeat(10, 1).astype(np.uint8)
    label[rng.random(size) < ignored] = 255
    return label


def same_state(first, second, seeds, make):
    """Apply both to equal inputs and equal states; yield what they return."""
    for seed in seeds:
        results, states = [], []
        for transform in (first, second):
            np.random.seed(seed)
            results.append(transform(make(seed)))
            states.append(np.random.random())
        assert states[0] == states[1]  # as many random numbers were drawn
        yield results


@pytest.mark.parametrize('crop_size', [(12, 12), (20, 30), (64, 30)])
@pytest.mark.parametrize('cat_max_ratio', [0.4, 0.75, 1.0])
def test_crops_are_those_of_the_base_class(crop_size, cat_max_ratio):
    def make(seed):
        return dict(
            img=image(seed=seed),
            gt_seg_map=blocks(seed=seed),
            seg_fields=['gt_seg_map'],
        )

    steps = [kind(crop_size, cat_max_ratio) for kind in (RandomCrop, LeanRandomCrop)]
    for stock, ours in same_state(*steps, range(40), make):
        assert np.array_equal(stock['img'], ours['img'])
        assert np.array_equal(stock['gt_seg_map'], ours['gt_seg_map'])
        assert stock['img_shape'] == ours['img_shape']


def test_a_crop_is_tried_again_where_one_class_covers_it():
    label = np.zeros((40, 400), np.uint8)
    label[:, 200:210] = 1
    crop = LeanRandomCrop((40, 40), cat_max_ratio=0.9)
    plain = LeanRandomCrop((40, 40))
    found = []
    for step in (crop, plain):
        np.random.seed(0)
        bare = dict(img=np.zeros((40, 400, 3), np.uint8), gt_seg_map=label)
        found.append(
            [len(np.unique(step.crop(label, step.crop_bbox(bare)))) for _ in range(60)]
        )
    assert np.mean(found[0]) > np.mean(found[1]) + 0.3


@pytest.mark.parametrize('ignore_index', [255, 0, -100])
@pytest.mark.parametrize('dtype', [np.uint8, np.int64])
def test_counts_are_those_of_unique(dtype, ignore_index):
    label = blocks()[:, 3:31].astype(dtype)  # not contiguous, as a crop is
    classes, expected = np.unique(label, return_counts=True)
    counts = class_counts(label, ignore_index)
    assert sorted(counts[counts > 0]) == sorted(expected[classes != ignore_index])


def test_a_crop_can_be_shared_between_images():
    step, results = LeanRandomCrop((8, 8)), [dict(img=image()) for _ in range(2)]
    with cache_random_params([step]):
        first, second = (step(item)['img'] for item in results)
    assert np.array_equal(first, second)


def test_distorted_images_are_those_of_the_base_class():
    settings = dict(brightness_delta=60, contrast_range=(0.3, 1.9), hue_delta=40)
    steps = [
        kind(**settings) for kind in (PhotoMetricDistortion, LeanPhotoMetricDistortion)
    ]
    given, changed = image(), 0
    for stock, ours in same_state(*steps, range(80), lambda _: dict(img=given)):
        assert ours['img'].dtype == np.uint8
        assert np.array_equal(stock['img'], ours['img'])
        changed += not np.array_equal(ours['img'], given)
    assert changed > 40
    assert np.array_equal(given, image())  # the input is left as it is


@pytest.mark.parametrize('step', ['brightness', 'contrast', 'saturation', 'hue'])
@pytest.mark.parametrize('view', ['whole', 'crop', 'flip'])
def test_each_distortion_is_that_of_the_base_class(step, view):
    views = dict(whole=image(), crop=image()[3:30, 7:41], flip=image()[:, ::-1])
    stock, ours = PhotoMetricDistortion(), LeanPhotoMetricDistortion()
    pairs = same_state(
        getattr(stock, step), getattr(ours, step), range(12), lambda _: views[view]
    )
    for expected, found in pairs:
        assert np.array_equal(expected, found)


def test_real_images_take_the_path_of_the_base_class():
    real = image().astype(np.float32) / 3
    stock, ours = PhotoMetricDistortion(), LeanPhotoMetricDistortion()
    pairs = same_state(stock.contrast, ours.contrast, range(8), lambda _: real)
    assert all(np.array_equal(expected, found) for expected, found in pairs)
