"""Class weights: the three formulas against brute force over the pixels."""

import statistics

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.models.losses.utils import get_class_weight

from mmseg_deeplab.config.class_balance import (
    METHODS,
    LabelCounts,
    class_weights,
    count_labels,
    effective_number,
    write_class_weights,
)

NAMES = ('a', 'b', 'c', 'd')  # d never occurs


@pytest.fixture
def labels() -> list[np.ndarray]:
    """Four labels with classes 0 to 2 and ignored pixels; 2 is in one of them."""
    generator = np.random.default_rng(0)
    found = [
        generator.choice([0, 1, 255], (6, 9), p=[0.7, 0.2, 0.1]).astype(np.uint8)
        for _ in range(4)
    ]
    found[1][:2] = 2
    found[3][:] = 0
    return found


@pytest.fixture
def cfg(tmp_path, labels) -> Config:
    """Two data sets, one repeated, with two of the labels each."""
    for index, label in enumerate(labels):
        folder = tmp_path / str(index // 2)
        image = np.zeros((*label.shape, 3), np.uint8)
        for kind, content in (('images', image), ('labels', label)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / kind / f'{index}.png'), content)
    leaves = [
        dict(
            type='BaseSegDataset',
            data_root=str(tmp_path / part),
            img_suffix='.png',
            data_prefix=dict(img_path='images', seg_map_path='labels'),
            metainfo=dict(classes=NAMES, palette=[[i] * 3 for i in range(4)]),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations'),
                dict(type='RandomCrop', crop_size=(2, 2)),
            ],
        )
        for part in '01'
    ]
    datasets = [leaves[0], dict(type='RepeatDataset', times=3, dataset=leaves[1])]
    dataset = dict(type='ConcatDataset', datasets=datasets)
    return Config(dict(train_dataloader=dict(dataset=dataset)))


def brute_force(labels: list[np.ndarray], method: str, beta: float) -> list[float]:
    """The weights by going through pixels, class by class."""
    flat = [[int(v) for v in label.flat if v != 255] for label in labels]
    pixels = [sum(image.count(c) for image in flat) for c in range(3)]
    if method == 'median_frequency':
        there = [sum(len(image) for image in flat if c in image) for c in range(3)]
        shares = [n / all_there for n, all_there in zip(pixels, there, strict=True)]
        return [statistics.median(shares) / share for share in shares]
    if method == 'inverse':
        raw = [1 / n for n in pixels]
    else:
        images = [n / (sum(pixels) / len(labels)) for n in pixels]
        raw = [(1 - beta) / (1 - beta**n) for n in images]
    return [3 * value / sum(raw) for value in raw]


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('workers', [0, 2])
def test_weights_are_those_of_a_loop_over_pixels(cfg, labels, method, workers):
    counts = count_labels(cfg, workers=workers, progress=False)
    with pytest.warns(UserWarning, match='no pixel of d in 4 images: weight 1'):
        found = class_weights(counts, method, beta=0.9)
    expected = brute_force(labels, method, 0.9)
    np.testing.assert_allclose(found, [*expected, 1.0], rtol=1e-9)


@pytest.mark.parametrize(
    ('beta', 'expected'),
    [(0.0, [1.0, 1.0]), (1 - 1e-12, [2 * 10 / 11, 2 / 11]), (0.5, [4 / 3, 2 / 3])],
)
def test_effective_number_goes_from_uniform_to_inverse(beta, expected):
    # At 0.5: E(1) = 1 and E(n) -> 2; at the ends all alike, and 1/n.
    counts = np.array([1.0, 10.0 if beta != 0.5 else 1e6])
    np.testing.assert_allclose(effective_number(counts, beta), expected, rtol=1e-3)


@pytest.mark.parametrize('beta', [-0.1, 1.0])
def test_a_beta_out_of_range_is_refused(beta):
    with pytest.raises(ValueError, match=f'received {beta}'):
        effective_number(np.ones(2), beta)


@pytest.mark.parametrize('name', ['w.json', 'deeper/w.npy'])
def test_the_loss_reads_what_is_written(tmp_path, name):
    weights = np.array([0.1, 1 / 3, 2.0])
    write_class_weights(weights, tmp_path / name)
    np.testing.assert_array_equal(get_class_weight(str(tmp_path / name)), weights)


def test_faults_of_the_data_stop_the_count(cfg, tmp_path):
    cv2.imwrite(str(tmp_path / '1/labels/3.png'), np.full((6, 9), 9, np.uint8))
    with pytest.raises(ValueError, match=r'1 faults .*3\.png.*check-data'):
        count_labels(cfg, progress=False)


@pytest.mark.parametrize(
    ('pixels', 'method', 'match'),
    [([0, 0], 'inverse', 'no labelled pixel'), ([1, 2], 'other', "received 'other'")],
)
def test_what_cannot_be_weighed_is_refused(pixels, method, match):
    pixels = np.array(pixels)
    counts = LabelCounts(NAMES[:2], 1, pixels, pixels > 0, pixels)
    with pytest.raises(ValueError, match=match):
        class_weights(counts, method)
