"""The benchmark of the data pipelines compares equal work."""

import pytest

from benchmarks import data
from benchmarks.case import ResultsDiffer
from benchmarks.timing import Stopwatch


@pytest.fixture
def cases(tmp_path, monkeypatch):
    """Both cases of a small CamVid."""
    monkeypatch.setattr(data, 'DATA_SETS', {'camvid': (48, 64)})
    monkeypatch.setattr(data, 'NUM_IMAGES', {'camvid': 3})
    return list(data.data_cases(tmp_path, names=['camvid']))


def run(contender):
    return contender.run(Stopwatch(contender.device))


def test_stock_and_ours_give_equal_samples(cases):
    for case in cases:
        first, second = run(case.ours), run(case.ours)  # the second from the cache
        expected = run(case.stock)
        assert case.compare(expected, first) == {'samples': 0}
        assert case.compare(expected, second) == {'samples': 0}


def test_other_samples_are_noticed(cases):
    expected, found = run(cases[0].stock), run(cases[0].ours)
    found[1]['inputs'] += 1
    with pytest.raises(ResultsDiffer):
        cases[0].compare(expected, found)


def test_a_stock_pipeline_has_none_of_our_transforms():
    ours = dict(type='LoadCheckedAnnotations', num_classes=3, cache_dir='x')
    assert data.stock_step(ours) == dict(type='LoadAnnotations')
    crop = dict(type='LeanRandomCrop', crop_size=(3, 3), cat_max_ratio=0.7)
    assert data.stock_step(crop) == crop | dict(type='RandomCrop')


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match='nowhere'):
        next(data.data_cases(tmp_path, names=['nowhere']))
