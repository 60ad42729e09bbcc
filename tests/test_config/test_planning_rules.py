"""The rules of ``init``, against closed forms and enumeration."""

import numpy as np
import pytest

from mmseg_deeplab.config import planning_rules as rules
from mmseg_deeplab.utils.errors import InputError


@pytest.mark.parametrize(
    ('text', 'seconds'), [('90s', 90), ('30m', 1800), ('2h', 7200), ('1h30m', 5400)]
)
def test_durations(text, seconds):
    assert rules.parse_duration(text) == seconds


@pytest.mark.parametrize('text', ['', '30', 'soon', '0m', '1.5h', '5m3h'])
def test_other_durations_are_refused(text):
    with pytest.raises(InputError, match='30m'):
        rules.parse_duration(text)


@pytest.mark.parametrize(
    ('image', 'most', 'crop'),
    [
        ((512, 512), 1e9, (512, 512)),
        ((2000, 3000), 1e9, (513, 513)),
        ((512, 512), 256**2, (257, 257)),
        ((128, 256), 1e9, (128, 256)),
        ((360, 480), 200 * 200, (193, 193)),
        ((512, 512), 1, (129, 129)),  # the smallest
        ((20, 100), 1e9, (32, 97)),  # an image smaller than a stride is padded
    ],
)
def test_crops(image, most, crop):
    assert rules.fit_crop(image, most) == crop


@pytest.mark.parametrize('side', range(3, 80))
def test_rates_leave_no_more_taps_in_the_padding_than_the_paper(side):
    def share_inside(rate, n):  # of the taps of a 3x3 kernel over a map of n x n
        hits = sum(0 <= i + d * rate < n for i in range(n) for d in (-1, 0, 1))
        return (hits / (3 * n)) ** 2

    first, *rates = rules.fit_rates([1, 6, 12, 18], (side, 2 * side))
    assert first == 1
    assert 2 <= rates[0] <= rates[1] <= rates[2] < min(side, 19)
    if side > 8:  # below, rates of 2, 3 and 4 are the smallest three
        assert len(set(rates)) == 3
        assert share_inside(rates[-1], side) > share_inside(18, 33) - 0.05


def test_rates_of_the_crop_of_the_paper_stay():
    rates, size = [1, 6, 12, 18], rules.feature_map((513, 513), 16)
    assert rules.fit_rates(rates, size) == rates


@pytest.mark.parametrize(
    ('step_s', 'validation_s', 'expected'),
    [
        (1.0, 0.0, (580, 58)),  # (600 - 15) steps, ten validations
        (1.0, 50.0, (535, 535)),  # one validation is all that 15 % allow
        (100.0, 1.0, (100, 10)),  # 100 steps at least
    ],
)
def test_steps_and_validations_share_the_budget(step_s, validation_s, expected):
    found = rules.share_budget(600, step_s=step_s, validation_s=validation_s)
    assert found == expected


def test_a_crop_that_the_time_allows_leaves_600_steps():
    facts = dict(batch=4, seconds_per_pixel=2e-6, bytes_per_pixel=1e4, memory=1e12)
    pixels = rules.affordable_pixels(615, **facts)
    assert pixels * 4 * 2e-6 * 600 == pytest.approx(0.85 * 600)
    assert rules.affordable_pixels(615, **facts | {'memory': 1e8}) == 1e8 / 2e4


def test_the_batch_fits_into_memory():
    assert rules.fit_batch(8, (100, 100), 1e4, memory=5.5e8) == 5
    assert rules.fit_batch(8, (100, 100), 1e4, memory=1e12) == 8
    assert rules.fit_batch(8, (100, 100), 1e4, memory=1.0) == 2


def test_thin_objects_need_features_that_are_not_wider():
    assert rules.choose_stride(16, 9.0, has_low_level=False) == 8
    assert rules.choose_stride(16, 9.0, has_low_level=True) == 16
    assert rules.choose_stride(16, 40.0, has_low_level=False) == 16


def test_large_images_are_tested_by_windows_that_overlap_by_a_third():
    assert rules.is_tested_whole((384, 300), (256, 256))
    assert not rules.is_tested_whole((256, 385), (256, 256))
    assert rules.window_stride((256, 300)) == (171, 200)


def test_only_rare_classes_are_weighed_and_not_whole():
    assert rules.choose_weights([98, 2], [0.5, 25.0]) is None
    assert rules.choose_weights([990, 10], [0.1, 50.0]) == [0.2, 5.0]


def test_data_unlike_photographs_get_the_statistics_that_the_network_has_seen():
    seen = np.array([120.0, 110.0, 100.0]), np.array([58.0, 57.0, 56.0])
    network = np.array([104.0, 117.0, 123.0]), np.ones(3)
    assert rules.choose_normalisation(seen, network, seen) is None
    data = np.array([150.0, 20.0, 30.0]), np.array([30.0, 5.0, 60.0])
    mean, std = map(np.array, rules.choose_normalisation(data, network, seen))
    np.testing.assert_allclose(data[1] / std, seen[1] / network[1], rtol=0.05)
    np.testing.assert_allclose(
        (data[0] - mean) / std, (seen[0] - network[0]) / network[1], atol=1.5
    )
