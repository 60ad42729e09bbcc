"""Grouping of Panoptic-DeepLab against detectron2's, and against brute force."""

import numpy as np
import pytest
import torch
from doc_pages import all_blocks
from golden import PANOPTIC, reference_output
from largest_tensor import LargestTensor

from mmseg_deeplab.ops import find_centers, group_panoptic
from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR

pytestmark = pytest.mark.usefixtures('device')

CASES = PANOPTIC['panoptic_post_processing']['cases']


def golden(case: str, name: str) -> torch.Tensor:
    return torch.as_tensor(
        reference_output('panoptic_post_processing', f'{case}_{name}')
    )


def settings(case: str) -> dict:
    given = dict(CASES[case]['arguments'])
    given['thing_classes'] = given.pop('thing_ids')
    assert (given.pop('label_divisor'), given.pop('void_label')) == (LABEL_DIVISOR, -1)
    return given


@pytest.mark.parametrize('case', CASES)
def test_groups_equal_those_of_detectron2(case):
    inputs = (golden(case, name) for name in ('semantic', 'heatmap', 'offset'))
    found = group_panoptic(*inputs, **settings(case))
    assert found.dtype == torch.int32
    assert torch.equal(found, golden(case, 'panoptic'))


@pytest.mark.parametrize('case', CASES)
def test_numpy_form_in_the_docs_gives_the_same(case):
    (block,) = (b for b in all_blocks('python') if 'def group(' in b.text)
    names = dict(np=np)
    exec(block.text, names)
    inputs = (golden(case, n).numpy() for n in ('semantic', 'heatmap', 'offset'))
    found = names['group'](*inputs, **settings(case))
    np.testing.assert_array_equal(found, golden(case, 'panoptic'))


@pytest.mark.parametrize('case', CASES)
def test_centers_equal_those_of_detectron2(case):
    options = {k: settings(case)[k] for k in ('threshold', 'nms_kernel', 'top_k')}
    found = find_centers(golden(case, 'heatmap'), **options)
    assert torch.equal(found.int(), golden(case, 'centers'))


THINGS = (1, 2)


def scene(size: tuple[int, int], count: int, spread: float, *, whole: bool) -> tuple:
    """Random classes 0..2, centres, and offsets; whole numbers make ties likely."""
    generator = torch.Generator().manual_seed(count)
    semantic = torch.randint(0, 3, size, generator=generator, dtype=torch.uint8)
    heat = torch.zeros(size)
    chosen = torch.randperm(heat.numel(), generator=generator)[:count]
    heat.view(-1)[chosen] = 0.5
    offset = torch.randn(2, *size, generator=generator) * spread
    return semantic, heat, offset.round() if whole else offset


def brute_force(semantic: torch.Tensor, heat: torch.Tensor, offset: torch.Tensor):
    """Group with all distances at once, one instance after the other."""
    centers = heat.nonzero().double()
    grid = torch.meshgrid(*map(torch.arange, heat.shape), indexing='ij')
    points = (torch.stack(grid) + offset).flatten(1).T.double()
    plain = dict(compute_mode='donot_use_mm_for_euclid_dist')
    distance = torch.cdist(points, centers, **plain)
    nearest = distance.argmin(1).view(heat.shape)  # the first of equal ones on a CPU
    result, numbers = torch.where(semantic == 0, 0, -1), {1: 0, 2: 0}
    for index in range(len(centers)):
        mask = (nearest == index) & (semantic > 0)
        if mask.any():
            winner = semantic[mask].long().bincount(minlength=3).argmax().item()
            numbers[winner] += 1
            result[mask] = winner * 1000 + numbers[winner]
    return result


@pytest.mark.parametrize('whole', [False, True])
@pytest.mark.parametrize('count, spread', [(1, 3.0), (40, 5.0), (300, 2.0), (7, 900.0)])
def test_groups_equal_brute_force(count, spread, whole):
    inputs = scene((60, 90), count, spread, whole=whole)
    options = dict(thing_classes=THINGS, nms_kernel=1, top_k=1000, stuff_area=1)
    found = group_panoptic(*inputs, **options)
    assert torch.equal(found.long(), brute_force(*inputs))


@pytest.mark.parametrize('far', [1e5, -1e30, float('inf'), float('nan')])
def test_wild_offsets_do_not_change_other_pixels(far):
    semantic, heat, offset = scene((30, 40), 9, 2.0, whole=False)
    options = dict(thing_classes=THINGS, nms_kernel=1)
    semantic[semantic == 1] = 2  # a pixel more or less changes no class
    expected = group_panoptic(semantic, heat, offset, **options)
    offset[:, 3, 4] = far
    found = group_panoptic(semantic, heat, offset, **options)
    found[3, 4] = expected[3, 4]
    assert torch.equal(found, expected)


def test_no_class_has_instances():
    inputs = scene((8, 9), 3, 1.0, whole=False)
    found = group_panoptic(*inputs, thing_classes=(), stuff_area=1)
    assert torch.equal(found, inputs[0].int() * 1000)


@pytest.mark.parametrize('semantic, expected', [(0, 0), (1, 1001), (255, -1)])
def test_one_pixel_is_grouped(semantic, expected):
    options = dict(thing_classes=THINGS, stuff_area=1)
    inputs = torch.tensor([[semantic]]), torch.ones(1, 1), torch.zeros(2, 1, 1)
    assert group_panoptic(*inputs, **options).item() == expected


def test_things_without_a_centre_are_void():
    semantic, heat, offset = scene((8, 9), 0, 1.0, whole=False)
    options = dict(thing_classes=THINGS, stuff_area=1)
    found = group_panoptic(semantic, heat, offset, **options)
    assert torch.equal(found, torch.where(semantic > 0, -1, 0).int())


def test_memory_does_not_grow_with_centres():
    """K * H * W distances would take 10 MB; all centres are close together here."""
    semantic, heat, offset = scene((90, 100), 300, 2.0, whole=False)
    with LargestTensor() as largest:
        group_panoptic(semantic, heat, offset, thing_classes=THINGS, top_k=1000)
    assert largest.elements < 2**19


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(nms_kernel=4), 'nms_kernel=4'),
        (dict(offset=torch.zeros(1, 4, 5)), r'offset \(1, 4, 5\)'),
        (dict(center=torch.zeros(4, 4)), r'center \(4, 4\)'),
    ],
)
def test_wrong_arguments_are_explained(change, message):
    inputs = dict(
        semantic=torch.zeros(4, 5, dtype=torch.long),
        center=torch.zeros(4, 5),
        offset=torch.zeros(2, 4, 5),
    )
    with pytest.raises(ValueError, match=message):
        group_panoptic(**(inputs | change), thing_classes=THINGS)
