"""Targets of Panoptic-DeepLab against those of its two implementations."""

import numpy as np
import pytest
import torch
from golden import PANOPTIC, reference_output

from mmseg_deeplab.datasets import SyntheticStreets
from mmseg_deeplab.datasets.transforms import (
    GeneratePanopticTargets,
    PackPanopticInputs,
)
from mmseg_deeplab.ops.panoptic_ids import class_map

CASES = PANOPTIC['panoptic_targets']['cases']
OURS = dict(
    center='center',
    offset='offset',
    center_weight='center_weights',
    offset_weight='offset_weights',
    semantic_weight='sem_seg_weights',
    gt_seg_map='sem_seg',
)


def golden(case: str, name: str) -> np.ndarray:
    return reference_output('panoptic_targets', f'{case}_{name}')


def generate(case: str, **options) -> dict:
    """Make the targets of a case; its crowd and void get the ids that we use."""
    ids = golden(case, 'ids')
    ids[ids == CASES[case]['void_id']] = 255
    ids[ids == 3900] = 3000
    settings = dict(CASES[case]['arguments'], crowd_centers=True, **options)
    del settings['ignore_label']
    transform = GeneratePanopticTargets(settings.pop('thing_ids'), **settings)
    return transform(dict(gt_panoptic_seg=ids))


@pytest.mark.parametrize('case', CASES)
def test_targets_equal_those_of_detectron2(case):
    results = generate(case)
    for name, theirs in OURS.items():
        found, expected = results[name], golden(case, theirs)
        assert found.shape == expected.shape or found.shape == (1, *expected.shape)
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-6)


@pytest.mark.parametrize('case', CASES)
def test_centers_cut_off_equal_those_of_bowenc0221(case):
    heat = generate(case, rounding='down')['center'][0]
    np.testing.assert_allclose(heat, golden(case, 'center_truncated'), atol=1e-6)
    assert abs(heat - golden(case, 'center')).max() > 0.01


def test_a_crowd_has_no_centre_unless_asked_for():
    ids = np.zeros((20, 20), np.int32)
    ids[5:15, 5:15] = 3000
    results = GeneratePanopticTargets([3])(dict(gt_panoptic_seg=ids))
    assert not results['center'].any()
    assert not results['offset'].any()
    assert (results['semantic_weight'] == 1).all()
    np.testing.assert_array_equal(results['center_weight'][0], ids == 0)


def test_all_void_has_no_weight():
    ids = np.full((4, 6), 255, np.int32)
    results = GeneratePanopticTargets([0])(dict(gt_panoptic_seg=ids))
    assert (results['gt_seg_map'] == 255).all()
    assert not any(results[f'{name}_weight'].any() for name in ('center', 'offset'))


def test_packed_targets_of_street_scenes_belong_to_their_ids():
    pipeline = [
        dict(type='RandomResize', scale=(256, 128), ratio_range=(0.5, 0.8)),
        dict(type='RandomCrop', crop_size=(128, 256)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='PadPanopticInputs', size=(256, 128)),
        dict(type='GeneratePanopticTargets', sigma=2),
        dict(type='PackPanopticInputs'),
    ]
    data = SyntheticStreets('val', 3, panoptic=True, pipeline=pipeline)
    sample = data[1]['data_samples']
    ids, targets = sample.gt_panoptic_seg.data, sample.gt_panoptic_targets
    assert ids.shape == (1, 128, 256)
    assert (ids[0, -1] == 255).all()  # padding
    assert ids.dtype == torch.int32
    instances = (ids % 1000 > 0) & (ids != 255)
    assert (targets.offset_weight.bool() == instances).all()
    assert targets.center.shape == (1, 128, 256)
    assert targets.offset.shape == (2, 128, 256)
    one = ids[instances].max()  # offsets from all pixels of a thing point to one place
    places = (ids[0] == one).nonzero().T.numpy()
    reached = places + targets.offset[:, ids[0] == one].numpy()
    centre = places.mean(1, keepdims=True).repeat(places.shape[1], axis=1)
    np.testing.assert_allclose(reached, centre, atol=1e-3)


@pytest.mark.parametrize(
    'transform',
    [
        dict(type='RandomResize', scale=(256, 128), ratio_range=(0.5, 2)),
        dict(type='RandomCrop', crop_size=(60, 70)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='RandomRotate', prob=1.0, degree=20),
        dict(type='PadPanopticInputs', size=(300, 200)),
    ],
    ids=lambda transform: transform['type'],
)
def test_transforms_move_ids_as_they_move_classes(transform):
    np.random.seed(0)
    data = SyntheticStreets('val', 2, panoptic=True, pipeline=[transform])
    before, results = SyntheticStreets('val', 2, panoptic=True)[1], data[1]
    ids = results['gt_panoptic_seg']
    assert results['gt_seg_map'].shape == results['img'].shape[:2]
    # OpenCV rounds places differently for 8 and for 32 bits where it rotates.
    assert (class_map(ids) == results['gt_seg_map']).mean() > 0.999
    assert set(np.unique(ids)) <= {*np.unique(before['gt_panoptic_seg']), 255}
    assert not np.array_equal(ids, before['gt_panoptic_seg'])


def test_ids_of_another_size_than_the_image_are_refused():
    results = dict(
        img=np.zeros((4, 6, 3), np.uint8), gt_panoptic_seg=np.zeros((4, 5), np.int32)
    )
    with pytest.raises(ValueError, match=r'image is 4x6 pixels .* ids 4x5'):
        GeneratePanopticTargets([0])(results)


def test_inputs_without_ids_pack_as_in_mmsegmentation():
    packed = PackPanopticInputs()(dict(img=np.zeros((4, 6, 3), np.uint8)))
    assert 'gt_panoptic_seg' not in packed['data_samples']
