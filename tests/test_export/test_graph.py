"""The graph of a prediction against MMSegmentation's own way."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models.utils import Upsample
from tiny_segmentor import tiny_segmentor

from mmseg_deeplab.export.check_file import random_images, reference_logits
from mmseg_deeplab.export.graph import EvenPools, PredictionGraph, replace_upsampling

SIZES = [(1, 37, 52), (2, 32, 32), (1, 65, 9)]
OPTIONS = [
    dict(),
    dict(bgr_to_rgb=True),
    dict(align_corners=False, test_cfg=dict(mode='whole')),
    dict(mean=None, std=None),
]


def run(graph: PredictionGraph, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return graph(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize('options', OPTIONS, ids=str)
@pytest.mark.parametrize('size', SIZES, ids=str)
def test_results_are_those_of_mmsegmentation(options, size):
    model, images = tiny_segmentor(**options), random_images(size)
    logits = reference_logits(model, images)
    found = run(PredictionGraph(model), images)
    assert found.dtype == np.uint8
    assert len(np.unique(found)) > 1
    np.testing.assert_array_equal(found, logits.argmax(1))
    probabilities = run(PredictionGraph(model, 'probabilities'), images)
    expected = torch.from_numpy(logits).softmax(1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_one_channel_is_compared_with_the_threshold():
    model = tiny_segmentor(num_classes=2, out_channels=1)
    model.decode_head.threshold = 0.4
    images = random_images((1, 37, 52))
    foreground = reference_logits(model, images)[:, 0]  # after the sigmoid
    labels = run(PredictionGraph(model), images)
    np.testing.assert_array_equal(labels, foreground > 0.4)
    both = run(PredictionGraph(model, 'probabilities'), images)
    np.testing.assert_allclose(both[:, 1], foreground, atol=1e-6)


def test_many_classes_get_larger_integers():
    model, images = tiny_segmentor(num_classes=300), random_images((1, 20, 20))
    found = run(PredictionGraph(model), images)
    assert found.dtype == np.int32 and found.max() > 255


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(test_cfg=dict(size=(64, 64))), 'size=\\(64, 64\\)'),
        (dict(mean=torch.zeros(1)), 'a mean of 1 channels'),
    ],
)
def test_what_cannot_be_a_graph(change, message):
    model = tiny_segmentor()
    for name, value in change.items():
        setattr(model.data_preprocessor, name, value)
    with pytest.raises(ValueError, match=message):
        PredictionGraph(model)


# Kernel, stride, padding, dilation.
POOLS = [(3, 2, 1, 1), (2, 2, 0, 1), (3, 3, 1, 1), (3, 1, 1, 1), (5, 3, 2, 1)]
POOLS += [(2, 3, 0, 1), (1, 2, 0, 1), (3, 2, 1, 2), ((3, 2), (2, 1), (1, 0), 1)]


@pytest.mark.parametrize('pool', POOLS, ids=str)
@pytest.mark.parametrize('ceil_mode', [False, True])
def test_even_pools_have_the_same_result(pool, ceil_mode):
    for size in itertools.product((7, 8, 9, 10), (11, 12)):
        x = torch.randn(1, 2, *size)
        expected = F.max_pool2d(x, *pool, ceil_mode=ceil_mode)
        with EvenPools():
            assert torch.equal(F.max_pool2d(x, *pool, ceil_mode=ceil_mode), expected)


@pytest.mark.parametrize(
    'given', [dict(scale_factor=2), dict(scale_factor=1.5), dict(size=9)], ids=str
)
def test_upsampling_by_whole_factors_is_replaced(given):
    module = torch.nn.Sequential(Upsample(**given, mode='bilinear'))
    x = torch.randn(1, 2, 5, 7)
    expected = module(x)
    replace_upsampling(module)
    assert (type(module[0]) is not Upsample) == (given.get('scale_factor') == 2)
    assert torch.equal(module(x), expected)
