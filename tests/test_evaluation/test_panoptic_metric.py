"""PanopticMetric against panopticapi, and against what follows from its rules."""

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from ddp_steps import evaluate
from golden import PANOPTIC, reference_output
from mmseg.registry import METRICS

from mmseg_deeplab.datasets import SyntheticStreets
from mmseg_deeplab.datasets.transforms import GeneratePanopticTargets
from mmseg_deeplab.ops import group_panoptic
from mmseg_deeplab.utils.errors import InputError

QUALITY = PANOPTIC['panoptic_quality']
CLASSES = [category['name'] for category in QUALITY['categories']]
THINGS = [c['name'] for c in QUALITY['categories'] if c['isthing']]


def build(classes=CLASSES, things=THINGS, **options):
    metric = METRICS.build(dict(type='PanopticMetric', **options))
    metric.dataset_meta = dict(classes=classes, thing_classes=things)
    return metric


def sample(prediction, target) -> dict:
    """A sample of ids; its masks are their classes."""
    prediction, target = (torch.as_tensor(ids) for ids in (prediction, target))
    labels = {
        name: dict(data=torch.where(ids == void, other, ids // 1000)[None])
        for name, ids, void, other in (
            ('pred_sem_seg', prediction, -1, 0),
            ('gt_sem_seg', target, 255, 255),
        )
    }
    maps = dict(pred_panoptic_seg=prediction, gt_panoptic_seg=target)
    return labels | {name: dict(data=ids[None]) for name, ids in maps.items()}


def golden_samples() -> list[dict]:
    """The images of the golden file; classes start at 0, void and crowd are as ours."""
    found = []
    for image in range(3):
        ids = reference_output('panoptic_quality', f'gt_{image}')
        target = np.where(ids == 0, 255, ids - 1000)
        target[ids == 4900] = 3000
        ids = reference_output('panoptic_quality', f'pred_{image}')
        found.append(sample(np.where(ids == 0, -1, ids - 1000), target))
    return found


def metrics_of(samples: list[dict], **options) -> dict:
    metric = build(**options)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_quality_equals_that_of_panopticapi():
    metric = build()
    metric.process({}, golden_samples())
    found, expected = metric.evaluate(3), QUALITY['results']
    for ending, group in (('', 'all'), ('_th', 'things'), ('_st', 'stuff')):
        for name in ('PQ', 'SQ', 'RQ'):
            theirs = 100 * expected[group][name.lower()]
            assert found[name + ending] == pytest.approx(theirs, abs=0.005)
    for label, theirs in expected['per_category'].items():
        ours = metric.report['panoptic'][label]
        assert [ours[n] for n in ('TP', 'FP', 'FN')] == [
            theirs[n] for n in ('tp', 'fp', 'fn')
        ]
        assert ours['iou_sum'] == pytest.approx(theirs['iou_sum'])
        assert metric.report['per_class'][label]['PQ'] == ours['PQ']
    assert metric.report['panoptic']['6']['PQ'] is None  # it never occurs


@pytest.mark.parametrize('grouped', [False, True])
def test_ground_truth_has_full_quality(grouped):
    """Both its ids and those grouped from its classes, centres and offsets.

    bowenc0221's report has the same result without a limit for stuff.
    """
    info, samples = SyntheticStreets.METAINFO, []
    for scene in SyntheticStreets('val', 3, panoptic=True):
        prediction = ids = scene['gt_panoptic_seg']
        if grouped:
            targets = GeneratePanopticTargets()(scene)
            names = ('gt_seg_map', 'center', 'offset')
            maps = (torch.from_numpy(targets[name]) for name in names)
            options = dict(thing_classes=(5, 6), nms_kernel=3, stuff_area=1)
            prediction = group_panoptic(*maps, **options)
        samples.append(sample(prediction, ids))
    names = dict(classes=info['classes'], things=info['thing_classes'])
    found = metrics_of(samples, min_area=16, **names)
    for name in ('PQ', 'SQ_th', 'RQ_st', 'mIoU', 'min16_PQ', 'min16_PQ_th'):
        assert found[name] == 100


def test_tiny_things_are_left_out_of_the_second_quality():
    target = np.full((20, 20), 1000)
    target[:10, :10] = 3001  # found
    target[15, 15] = 3002  # missed
    prediction = np.where(target == 3002, 1000, target)
    prediction[18, 3] = 3007  # false
    found = metrics_of([sample(prediction, target)], min_area=16)
    assert found['PQ_th'] == 50
    assert found['min16_PQ_th'] == 100


def test_many_instances_and_single_pixels_are_told_apart():
    target = np.arange(300).reshape(15, 20).repeat(2, axis=1) + 3001
    assert metrics_of([sample(target, target)])['PQ'] == 100
    shifted = np.roll(target, 1, axis=1)  # IoU 1/3
    assert metrics_of([sample(shifted, target)])['PQ'] == 0
    one = np.array([[3001]])
    assert metrics_of([sample(one, one)])['PQ_th'] == 100


def test_an_image_without_any_segment_counts_misses():
    target = np.full((4, 4), 3001)
    metric = build()
    metric.process({}, [sample(np.full_like(target, -1), target)])
    assert metric.evaluate(1)['PQ'] == 0
    assert metric.report['panoptic']['4']['FN'] == 1


def test_without_ground_truth_nothing_is_false():
    void = np.full((4, 4), 255)
    void[0] = 0
    prediction = np.full((4, 4), 3001)
    metric = build()
    metric.process({}, [sample(prediction, void)])
    metric.evaluate(1)
    assert metric.report['panoptic']['4']['FP'] == 0


@pytest.mark.parametrize('name', ['pred_panoptic_seg', 'gt_panoptic_seg'])
def test_a_sample_without_ids_is_explained(name):
    without = golden_samples()[0]
    del without[name]
    with pytest.raises(InputError, match=f'no {name}'):
        build().process({}, [without])


def test_a_data_set_without_things_is_explained():
    with pytest.raises(InputError, match='thing_classes'):
        build(things=[]).process({}, golden_samples())


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path):
    images = golden_samples()
    shares = [images[0], images[2]], [images[1], images[0]]  # one is repeated
    results = mp.get_context('spawn').SimpleQueue()
    settings = str(tmp_path / 'store'), build(), shares, len(images), results
    mp.spawn(evaluate, settings, nprocs=2)
    metric = build()
    metric.process({}, images)
    expected = metric.evaluate(len(images))
    for found, report in (results.get(), results.get()):
        assert found == expected
        for label, row in metric.report['panoptic'].items():
            assert report['panoptic'][label] == pytest.approx(row)
