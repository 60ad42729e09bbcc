"""Max-pools whose result does not depend on whether the stride divides the size."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from mmseg.models.utils import Upsample, resize

from mmseg_deeplab.export.any_size import (
    EvenPools,
    WholeUpsample,
    quiet_resize,
    replace_upsampling,
)

# Kernel, stride, padding, dilation.
POOLS = [(3, 2, 1, 1), (2, 2, 0, 1), (3, 3, 1, 1), (3, 1, 1, 1), (5, 3, 2, 1)]
POOLS += [(2, 3, 0, 1), (1, 2, 0, 1), (3, 2, 1, 2), ((3, 2), (2, 1), (1, 0), 1)]


@pytest.mark.parametrize('pool', POOLS, ids=str)
@pytest.mark.parametrize('ceil_mode', [False, True])
def test_the_result_stays(pool, ceil_mode):
    for size in itertools.product((7, 8, 9, 10), (11, 12)):
        x = torch.randn(1, 2, *size)
        expected = F.max_pool2d(x, *pool, ceil_mode=ceil_mode)
        with EvenPools():
            assert torch.equal(F.max_pool2d(x, *pool, ceil_mode=ceil_mode), expected)


def test_other_functions_and_indices_are_left_alone():
    x = torch.randn(1, 2, 9, 10)
    expected = F.max_pool2d(x, 3, 2, 1, ceil_mode=True, return_indices=True)
    with EvenPools():
        found = F.max_pool2d(x, 3, 2, 1, ceil_mode=True, return_indices=True)
        mean = F.avg_pool2d(x, 2)
    assert torch.equal(found[1], expected[1])
    assert torch.equal(mean, F.avg_pool2d(x, 2))


def test_resize_warns_again_afterwards():
    x = torch.randn(1, 1, 4, 4)
    with pytest.raises(RuntimeError), quiet_resize():
        resize(x, size=(9, 9), mode='bilinear', align_corners=True)
        raise RuntimeError
    with pytest.warns(UserWarning, match='more aligned'):
        resize(x, size=(9, 9), mode='bilinear', align_corners=True)


@pytest.mark.parametrize(
    ('given', 'replaced'),
    [
        (dict(scale_factor=2), True),
        (dict(scale_factor=1.5), False),
        (dict(size=9), False),
    ],
)
def test_upsampling_by_whole_factors_is_replaced(given, replaced):
    module = torch.nn.Sequential(Upsample(**given, mode='bilinear'))
    x = torch.randn(1, 2, 5, 7)
    expected = module(x)
    replace_upsampling(module)
    assert isinstance(module[0], WholeUpsample) == replaced
    assert torch.equal(module(x), expected)
