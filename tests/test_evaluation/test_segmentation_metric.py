"""SegmentationMetric against IoUMetric of MMSegmentation."""

import io
import json

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS
from PIL import Image

pytestmark = pytest.mark.usefixtures('device')

CLASSES = ('road', 'sky', 'car', 'never')


def samples(seed: int, count: int = 3, absent: int = 3) -> list[dict]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for i in range(count):
        target = torch.randint(0, absent, (1, 7 + i, 9), generator=generator)
        wrong = torch.rand(target.shape, generator=generator) < 0.4
        prediction = torch.where(wrong, (target + 1) % absent, target)
        target[torch.rand(target.shape, generator=generator) < 0.2] = 255
        maps = dict(pred_sem_seg=prediction, gt_sem_seg=target)
        found.append({name: dict(data=data) for name, data in maps.items()})
        found[-1]['img_path'] = f'{seed}_{i}.png'
    return found


def build(**options):
    metric = METRICS.build(dict(type='SegmentationMetric', **options))
    metric.dataset_meta = dict(classes=CLASSES)
    return metric


@pytest.mark.parametrize('absent', [3, 4])
def test_metrics_equal_those_of_mmsegmentation(absent):
    stock = IoUMetric(iou_metrics=['mIoU', 'mDice', 'mFscore'])
    stock.dataset_meta = dict(classes=CLASSES)
    own = build()
    for seed in range(3):
        for metric in (stock, own):
            metric.process({}, samples(seed, absent=absent))
    expected, found = stock.evaluate(9), own.evaluate(9)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=0.006), name


@pytest.mark.parametrize(
    ('prediction', 'target', 'expected'),
    [
        # One a taken for b: IoU 2/3 and 1/2, weights 3/4 and 1/4.
        ([0, 0, 1, 1], [0, 0, 0, 1], dict(fwIoU=62.5)),
        # All taken for a: Dice 2/3 and 0, precision 1/2 of a alone.
        (
            [0, 0, 0, 0],
            [0, 0, 1, 1],
            dict(mFscore=33.33, mDice=33.33, mPrecision=50, mRecall=50),
        ),
    ],
)
def test_metrics_by_hand(prediction, target, expected):
    metric = build()
    pair = dict(pred_sem_seg=prediction, gt_sem_seg=target)
    metric.process({}, [{k: dict(data=torch.tensor([[v]])) for k, v in pair.items()}])
    found = metric.evaluate(1)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.01)


def test_evaluation_starts_anew():
    metric = build()
    metric.process({}, samples(0))
    first = metric.evaluate(3)
    metric.process({}, samples(0))
    assert metric.evaluate(3) == first


def test_an_evaluation_that_goes_on_counting_loses_no_image():
    """Two halves that are kept give what all images at once do."""
    kept, whole, images = build(keep_results=True), build(), samples(0, 6)
    for half in (images[:3], images[3:]):
        kept.process({}, half)
        found = kept.evaluate(3)
    whole.process({}, images)
    assert found == whole.evaluate(6)
    assert kept.report == whole.report


def mask(path: str, value: int = 0) -> dict:
    data = torch.full((1, 2, 3), value)
    return dict(pred_sem_seg=dict(data=data), img_path=path)


def test_masks_lie_as_the_images_do(tmp_path):
    metric = build(output_dir=str(tmp_path), format_only=True)
    paths = ['/data/val/a/1.png', '/data/val/b/1.png']
    metric.name_outputs(paths, '/data/val')
    metric.process({}, [mask(path, value) for value, path in enumerate(paths)])
    for value, name in enumerate(['a/1.png', 'b/1.png']):
        assert (np.array(Image.open(tmp_path / name)) == value).all()


def test_two_images_of_one_mask_are_refused(tmp_path):
    metric = build(output_dir=str(tmp_path), format_only=True)
    metric.process({}, [mask('a/1.png', 1)] * 2)  # repeated by a sampler
    with pytest.raises(ValueError, match=r'a/1\.png and b/1\.png would both'):
        metric.process({}, [mask('b/1.png', 2)])
    assert (np.array(Image.open(tmp_path / '1.png')) == 1).all()


@pytest.mark.parametrize(('classes', 'offset', 'bits'), [(256, 0, 8), (256, 1, 16)])
def test_masks_of_many_classes_have_16_bits(tmp_path, classes, offset, bits):
    metric = build(output_dir=str(tmp_path), format_only=True)
    metric.dataset_meta = dict(classes=tuple(map(str, range(classes))))
    metric.process({}, [dict(mask('1.png', 255), reduce_zero_label=bool(offset))])
    written = np.array(Image.open(tmp_path / '1.png'))
    assert (written == 255 + offset).all()
    assert written.dtype.itemsize == bits // 8
    assert metric.evaluate(1) == {}


@pytest.mark.parametrize(
    ('format_only', 'ids', 'expected'),
    [
        (True, None, [33, 7, 8, 11]),
        (False, None, [3, 0, 1, 2]),
        (True, 'train', [3, 0, 1, 2]),
        (False, 'label', [33, 7, 8, 11]),
    ],
)
def test_format_only_writes_the_ids_of_the_server(tmp_path, format_only, ids, expected):
    sample = dict(mask('1.png'), gt_sem_seg=dict(data=torch.zeros(1, 1, 4)))
    sample['pred_sem_seg'] = dict(data=torch.tensor([[[3, 0, 1, 2]]]))
    options = dict(output_dir=str(tmp_path), format_only=format_only, ids=ids)
    build(label_ids=[7, 8, 11, 33], **options).process({}, [sample])
    file = Image.open(tmp_path / '1.png')
    assert np.array(file).tolist() == [expected]
    assert file.mode == 'P'


def test_another_number_of_ids_is_refused(tmp_path):
    metric = build(output_dir=str(tmp_path), format_only=True, label_ids=[7, 8])
    with pytest.raises(ValueError, match='label_ids has 2 ids for 4 classes'):
        metric.process({}, [mask('1.png')])


def test_a_sample_without_ground_truth_is_named():
    with pytest.raises(ValueError, match=r'a\.png: no ground truth'):
        build().process({}, [mask('a.png')])


def test_nothing_labelled_is_an_error():
    with pytest.raises(ValueError, match='no labelled pixel'):
        build().evaluate(1)


def test_the_report_is_written(tmp_path):
    file = tmp_path / 'new' / 'metrics.json'
    metric = build(report_file=str(file), trimap_widths=[1, 2])
    metric.process({}, samples(0))
    metric.evaluate(3)
    assert json.loads(file.read_text()) == metric.report
    assert metric.report['per_class']['never']['IoU'] is None
    assert np.array(metric.report['confusion']).shape == (4, 4)


@pytest.mark.parametrize('trimap_widths', [None, [1, 40]])
def test_memory_does_not_grow_with_the_images(trimap_widths):
    metric = build(trimap_widths=trimap_widths)
    sizes = []
    for seed in range(3):
        metric.process({}, samples(seed))
        content = io.BytesIO()
        torch.save(metric, content)
        sizes.append(content.tell())
    assert metric.results == []
    assert sizes == sizes[:1] * 3
