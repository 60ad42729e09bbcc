"""Grouping of Panoptic-DeepLab against detectron2's, and against brute force."""

import pytest
import torch
from golden import PANOPTIC, reference_output

from mmseg_deeplab.ops import find_centers, group_panoptic

CASES = PANOPTIC['panoptic_post_processing']['cases']


def golden(case: str, name: str) -> torch.Tensor:
    return torch.from_numpy(
        reference_output('panoptic_post_processing', f'{case}_{name}')
    )


def settings(case: str) -> dict:
    given = dict(CASES[case]['arguments'])
    given['thing_classes'] = given.pop('thing_ids')
    return given


@pytest.mark.parametrize('case', CASES)
def test_groups_equal_those_of_detectron2(case):
    inputs = (golden(case, name) for name in ('semantic', 'heatmap', 'offset'))
    found = group_panoptic(*inputs, **settings(case))
    assert found.dtype == torch.int32
    assert torch.equal(found, golden(case, 'panoptic'))


@pytest.mark.parametrize('case', CASES)
def test_centers_equal_those_of_detectron2(case):
    options = {k: settings(case)[k] for k in ('threshold', 'nms_kernel', 'top_k')}
    found = find_centers(golden(case, 'heatmap'), **options)
    assert torch.equal(found.int(), golden(case, 'centers'))
