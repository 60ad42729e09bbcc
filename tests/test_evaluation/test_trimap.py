"""trimap_bands and the metric's trimap metrics against plain loops."""

import cv2
import numpy as np
import pytest
import torch
from mmseg.registry import METRICS

from mmseg_deeplab.evaluation.trimap import check_widths, trimap_bands

CLASSES = ('road', 'sky', 'car', 'never')
WIDTHS = (1, 2, 4, 7)


def blobs(seed: int, size: tuple[int, int] = (17, 23), void: float = 0.3):
    """Return a label map of patches, some of them void."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 3, (3, 4)).astype(np.uint8)
    coarse[generator.random(coarse.shape) < void] = 255
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)


def nearest_other(labels: np.ndarray) -> np.ndarray:
    """Chessboard distance to the nearest pixel of another label, by O(N^2) loops."""
    found = np.full(labels.shape, 10**6)
    for (y, x), own in np.ndenumerate(labels):
        for (v, u), other in np.ndenumerate(labels):
            if own != other:
                found[y, x] = min(found[y, x], max(abs(y - v), abs(x - u)))
    return found


@pytest.mark.parametrize('around', ['labels', 'void'])
@pytest.mark.parametrize('size', [(17, 23), (1, 19), (9, 1), (1, 1)])
@pytest.mark.parametrize('seed', range(3))
def test_bands_equal_brute_force(seed, size, around):
    target = blobs(seed, size)
    labels = target == 255 if around == 'void' else target
    expected = [sum(w < d for w in WIDTHS) for d in nearest_other(labels).flat]
    found = trimap_bands(target, WIDTHS, around=around)
    assert found.flatten().tolist() == expected


def test_borders_of_classes_leave_out_void():
    target = np.repeat([[0] * 6 + [1] * 6 + [255] * 3 + [2] * 6], 4, axis=0)
    found = trimap_bands(target, [1, 2], around='classes')
    assert found[2].tolist() == [2] * 4 + [1, 0, 0, 1] + [2] * 13


@pytest.mark.parametrize('around', ['labels', 'classes', 'void'])
@pytest.mark.parametrize('label', [0, 255])
def test_a_map_of_one_label_has_no_border(label, around):
    target = np.full((6, 300), label)
    assert (trimap_bands(target, [1, 255], around=around) == 2).all()


@pytest.mark.parametrize('width', [1, 40, 254, 255])
def test_a_straight_border_has_w_pixels_on_either_side(width):
    target = np.repeat([[0, 1]], 400, axis=1).reshape(1, -1)
    assert (trimap_bands(target, [width]) == 0).sum() == 2 * width


@pytest.mark.parametrize('ignore_index', [-1, 254, 1000])
def test_any_ignore_index_and_many_classes(ignore_index):
    target = np.array([[300, 300, ignore_index, 44, 44, 44]])
    found = trimap_bands(target, [1], ignore_index=ignore_index)
    assert found.tolist() == [[1, 0, 0, 0, 1, 1]]
    found = trimap_bands(target, [1], ignore_index=ignore_index, around='void')
    assert found.tolist() == [[1, 0, 0, 0, 1, 1]]


@pytest.mark.parametrize('widths', [(), [0, 1], [2, 2], [5, 1], [-3], 256])
def test_widths_out_of_order_are_refused(widths):
    with pytest.raises(ValueError, match=r'must increase strictly within 1\.\.255'):
        check_widths(widths)


@pytest.mark.parametrize('widths', ['1,2', [1.0], [True], {1: 2}, [None]])
def test_widths_that_are_no_integers_are_refused(widths):
    with pytest.raises(TypeError, match='trimap_widths must be integers'):
        check_widths(widths)


def test_bad_maps_and_borders_are_refused():
    with pytest.raises(ValueError, match=r'shape \(2, 3, 4\)'):
        trimap_bands(np.zeros((2, 3, 4)), [1])
    with pytest.raises(ValueError, match=r"labels, classes, void.*'edges'"):
        METRICS.build(dict(type='SegmentationMetric', trimap_around='edges'))


def build(**options):
    options.setdefault('trimap_widths', WIDTHS)
    metric = METRICS.build(dict(type='SegmentationMetric', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


def samples(seeds: range) -> list[dict]:
    found = []
    for seed in seeds:
        target = blobs(seed, (13 + seed, 16))
        generator = np.random.default_rng(seed)
        wrong = generator.random(target.shape) < 0.3
        prediction = np.where(wrong | (target == 255), seed % 3, target)
        maps = dict(pred_sem_seg=prediction, gt_sem_seg=target)
        found.append(
            {n: dict(data=torch.tensor(np.int64([m]))) for n, m in maps.items()}
        )
    return found


def iou_by_loops(images: list[dict], width: int, label: int) -> float | None:
    """IoU in percent of one class within one band, pixel by pixel."""
    both = either = 0
    for image in images:
        target = image['gt_sem_seg']['data'][0].numpy()
        prediction = image['pred_sem_seg']['data'][0].numpy()
        near = (nearest_other(target) <= width) & (target != 255)
        for truth, guess in zip(target[near], prediction[near], strict=True):
            both += truth == label == guess
            either += label in (truth, guess)
    return 100 * both / either if either else None


def test_iou_of_each_band_equals_plain_loops():
    metric, images = build(), samples(range(3))
    metric.process({}, images)
    metrics = metric.evaluate(3)
    trimap = metric.report['trimap']
    assert trimap['widths'] == list(WIDTHS)
    for i, width in enumerate(WIDTHS):
        expected = [iou_by_loops(images, width, label) for label in range(4)]
        found = [trimap['per_class'][name][i] for name in CLASSES]
        assert found == pytest.approx(expected, abs=0.006)
        mean = np.mean([iou for iou in expected if iou is not None])
        assert metrics[f'trimap{width}_mIoU'] == pytest.approx(mean, abs=0.006)
        assert trimap['mIoU'][i] == metrics[f'trimap{width}_mIoU']


def test_the_widest_band_gives_the_metrics_of_whole_images():
    """Every pixel of these images is within 40 pixels of a border."""
    metric = build(trimap_widths=40)
    metric.process({}, samples(range(2)))
    metrics = metric.evaluate(2)
    assert metrics['trimap40_mIoU'] == metrics['mIoU']
    assert metric.report['trimap']['aAcc'] == [metrics['aAcc']]
    total = np.sum(metric.report['confusion'])
    assert metric.report['trimap']['pixels'] == [total]


def test_the_other_metrics_stay():
    plain, with_trimap = build(trimap_widths=None), build()
    for metric in (plain, with_trimap):
        metric.process({}, samples(range(4)))
    expected, found = plain.evaluate(4), with_trimap.evaluate(4)
    assert expected == {name: found[name] for name in expected}
    assert plain.report.keys() == with_trimap.report.keys() - {'trimap'}


def test_no_border_gives_no_metric():
    metric, flat = build(trimap_widths=[2]), dict(data=torch.zeros(1, 3, 4).long())
    metric.process({}, [dict(pred_sem_seg=flat, gt_sem_seg=flat)])
    assert 'trimap2_mIoU' not in metric.evaluate(1)
    assert metric.report['trimap']['mIoU'] == [None]


@pytest.mark.parametrize('rank', [0, 1])
def test_padding_of_the_sampler_is_not_counted(rank, monkeypatch):
    """Three images over two processes: rank 1's second image repeats the first."""
    images = samples(range(3))
    mine = [images[0], images[2]] if rank == 0 else [images[1], images[0]]
    target = 'mmseg_deeplab.evaluation.running_counts.get_dist_info'
    alone, metric = build(), build()
    alone.process({}, mine[: 2 - rank])
    expected = alone._reduced(10)
    metric.process({}, mine)
    monkeypatch.setattr(target, lambda: (rank, 2))
    assert expected.shape == (5, 4, 4)
    assert torch.equal(metric._reduced(3), expected)
