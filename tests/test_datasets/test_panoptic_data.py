"""Panoptic annotations of Cityscapes and COCO, sound and broken."""

import json
import shutil
from contextlib import nullcontext

import cv2
import numpy as np
import pytest
from golden import PANOPTIC, reference_output
from mmengine import Config
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_checks import check_classes
from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.scan_config import scan_config
from mmseg_deeplab.datasets import CityscapesPanopticDataset, CocoPanopticDataset
from mmseg_deeplab.datasets.coco_classes import STUFF, THINGS
from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.inference.pipeline import PlainPipeline, build_array_pipeline
from mmseg_deeplab.ops.panoptic_ids import thing_indices
from mmseg_deeplab.utils.data_file_errors import DataFileError
from mmseg_deeplab.utils.errors import InputError

CITYSCAPES = PANOPTIC['cityscapes_panoptic']
PIPELINE = [dict(type='LoadCheckedImage'), dict(type='LoadPanopticAnnotations')]
SIZE = (40, 64)


def write_cityscapes(root, *, train_ids: bool = False) -> None:
    """Write the golden annotation in both formats of Cityscapes."""
    for folder in ('images/x', 'labels/x', 'png'):
        (root / folder).mkdir(parents=True)
    name = CITYSCAPES['annotation']['image_id']
    image = root / f'images/x/{name}_leftImg8bit.png'
    cv2.imwrite(str(image), np.zeros((*SIZE, 3), np.uint8))
    ids = reference_output('cityscapes_panoptic', 'instance_ids')
    file = root / f'labels/x/{name}_gtFine_instanceIds.png'
    cv2.imwrite(str(file), ids.astype(np.uint16))
    ending = '_train_id' if train_ids else ''
    rgb = reference_output('cityscapes_panoptic', f'panoptic_png{ending}')
    annotation = CITYSCAPES[f'annotation{ending}']
    cv2.imwrite(str(root / 'png' / annotation['file_name']), rgb[..., ::-1])
    content = dict(
        images=CITYSCAPES['images'],
        annotations=[annotation],
        categories=CITYSCAPES[f'categories{ending}'],
    )
    (root / 'panoptic.json').write_text(json.dumps(content))


def cityscapes(root, *, listed: bool, **options):
    labels = dict(seg_map_path='png') if listed else dict(seg_map_path='labels')
    return CityscapesPanopticDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images') | labels,
        ann_file='panoptic.json' if listed else '',
        pipeline=PIPELINE,
        **options,
    )


def segments_of(ids: np.ndarray) -> list[tuple[int, int, int, bool]]:
    """Area, class, first pixel of each segment, and whether it is numbered."""
    values, first, area = np.unique(ids, return_index=True, return_counts=True)
    return sorted(
        (int(n), v // 1000, int(i), v % 1000 > 0)
        for v, i, n in zip(values.tolist(), first, area, strict=True)
        if v != 255
    )


@pytest.mark.parametrize('form', ['instance ids', 'panoptic', 'panoptic train ids'])
def test_cityscapes_equals_its_own_script(tmp_path, form):
    write_cityscapes(tmp_path, train_ids='train' in form)
    sample = cityscapes(tmp_path, listed='panoptic' in form)[0]
    ids = sample['gt_panoptic_seg']
    png = reference_output('cityscapes_panoptic', 'panoptic_png').astype(int)
    png = png @ [1, 256, 65536]
    expected = [
        (s['area'], s['category_id'], int(np.argmax(png == s['id'])),
         s['category_id'] >= 11 and not s['iscrowd'])
        for s in CITYSCAPES['annotation_train_id']['segments_info']
    ]  # fmt: skip
    assert segments_of(ids) == sorted(expected)
    np.testing.assert_array_equal(ids == 255, png == 0)
    classes = np.where(ids == 255, 255, ids // 1000)
    np.testing.assert_array_equal(sample['gt_seg_map'], classes)
    assert sorted(sample['seg_fields']) == ['gt_panoptic_seg', 'gt_seg_map']


def test_some_classes_of_cityscapes_can_be_chosen(tmp_path):
    write_cityscapes(tmp_path)
    metainfo = dict(classes=('car', 'road'))
    data = cityscapes(tmp_path, listed=True, metainfo=metainfo)
    full = cityscapes(tmp_path, listed=True)[0]['gt_panoptic_seg']
    ids = data[0]['gt_panoptic_seg']
    expected = np.full(SIZE, 255)
    expected[full == 0] = 1000
    cars = full // 1000 == 13
    expected[cars] = full[cars] - 13000
    np.testing.assert_array_equal(ids, expected)
    assert data[0]['thing_classes'] == [0]


def write_coco(root, ids: np.ndarray, segments: list[dict]) -> None:
    rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2)
    for folder in ('images', 'png'):
        (root / folder).mkdir(parents=True)
    cv2.imwrite(str(root / 'png/7.png'), rgb[..., ::-1].astype(np.uint8))
    cv2.imwrite(str(root / 'images/7.jpg'), np.zeros((*ids.shape, 3), np.uint8))
    names = {1: 'person', 3: 'car', 187: 'sky-other-merged'}
    content = dict(
        images=[dict(id=7, file_name='7.jpg')],
        annotations=[dict(image_id=7, file_name='7.png', segments_info=segments)],
        categories=[dict(id=one, name=name) for one, name in names.items()],
    )
    (root / 'coco.json').write_text(json.dumps(content))


def coco(root, **loader):
    return CocoPanopticDataset(
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='png'),
        ann_file='coco.json',
        pipeline=[PIPELINE[0], PIPELINE[1] | loader],
    )


COLOURS = np.array([[0, 0, 9_000_123, 9_000_123], [70_000, 70_000, 5, 12]])
SEGMENTS = [
    dict(id=9_000_123, category_id=187, iscrowd=0),
    dict(id=12, category_id=3, iscrowd=1),
    dict(id=5, category_id=1, iscrowd=0),
    dict(id=70_000, category_id=1, iscrowd=0),
]


def test_coco_has_ids_without_gaps_and_any_colours(tmp_path):
    write_coco(tmp_path, COLOURS, SEGMENTS)
    sky = (THINGS + STUFF).index('sky-other-merged') * 1000
    expected = [[255, 255, sky, sky], [2, 2, 1, 2000]]
    assert coco(tmp_path)[0]['gt_panoptic_seg'].tolist() == expected
    assert (len(THINGS), len(STUFF)) == (80, 53)


def test_kept_files_give_the_same_ids(tmp_path):
    write_coco(tmp_path, COLOURS, SEGMENTS)
    expected = coco(tmp_path)[0]['gt_panoptic_seg']
    data = coco(tmp_path, cache_dir=str(tmp_path / 'kept'))
    for _ in range(2):
        np.testing.assert_array_equal(data[0]['gt_panoptic_seg'], expected)
    assert list((tmp_path / 'kept').rglob('*.npy'))


def test_images_of_a_json_file_are_read_without_labels(tmp_path):
    write_coco(tmp_path, COLOURS, SEGMENTS)
    data = coco(tmp_path)
    del data.data_prefix['seg_map_path']
    (info,) = data.load_data_list()
    assert info['img_path'].endswith('images/7.jpg')
    assert not info['seg_map_path']


BROKEN = {
    'not in the JSON file': SEGMENTS[1:],
    'no pixel of segments': [*SEGMENTS, dict(id=77, category_id=1, iscrowd=0)],
    'category_id that is not in': [*SEGMENTS[:3], dict(id=70_000, category_id=4)],
    'lists segments twice: 5': [*SEGMENTS, SEGMENTS[2]],
}


@pytest.mark.parametrize('message', BROKEN)
def test_contradictions_are_explained(tmp_path, message):
    write_coco(tmp_path, COLOURS, BROKEN[message])
    with pytest.raises(DataFileError, match=rf'7\.png: .*{message}.*Remedy: '):
        coco(tmp_path)[0]


def test_the_first_person_of_a_large_crowd_is_not_void(tmp_path):
    ids = np.arange(1, 301).reshape(15, 20)
    segments = [dict(id=i, category_id=1, iscrowd=0) for i in range(1, 301)]
    write_coco(tmp_path, ids, segments)
    found = coco(tmp_path)[0]
    assert len(np.unique(found['gt_panoptic_seg'])) == 300
    assert not found['gt_seg_map'].any()


@pytest.mark.parametrize(
    'content, message',
    [
        ('{"images": []}', "no JSON file in COCO's panoptic format"),
        ('not JSON', 'is no JSON'),
        ('{"categories": [{"id": 1, "name": "yeti"}]}', 'no classes .*: yeti'),
    ],
)
def test_a_wrong_json_file_is_explained(tmp_path, content, message):
    write_coco(tmp_path, COLOURS, SEGMENTS)
    (tmp_path / 'coco.json').write_text(content)
    with pytest.raises(InputError, match=rf'coco\.json: .*{message}'):
        coco(tmp_path)


@pytest.mark.parametrize(
    'values, message',
    [
        (np.full(SIZE, 255, np.uint8), 'values without a category: 255'),
        (np.zeros((*SIZE, 3), np.uint8) + 9, 'is a colour image'),
        (np.full((4, 4), 24001, np.uint16), 'the label is 4x4 pixels'),
    ],
)
def test_other_files_than_instance_ids_are_explained(tmp_path, values, message):
    write_cityscapes(tmp_path)
    (file,) = (tmp_path / 'labels/x').iterdir()
    cv2.imwrite(str(file), values)
    with pytest.raises(DataFileError, match=message):
        cityscapes(tmp_path, listed=False)[0]


def test_check_data_counts_instances_and_misses_them(tmp_path):
    write_cityscapes(tmp_path)
    report = scan_dataset(cityscapes(tmp_path, listed=False), progress=False)
    rows = {row['name']: row for row in report.histogram()}
    assert (rows['car']['instances'], rows['road']['instances']) == (3, 0)
    assert 'instances' in str(report)
    assert not [w for w in report.warnings if w.kind == 'things without instances']
    (file,) = (tmp_path / 'labels/x').iterdir()
    ids = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    labels = np.where(ids < 1000, ids, ids // 1000).astype(np.uint8)
    cv2.imwrite(str(file), labels)  # as in *_labelIds.png
    report = scan_dataset(cityscapes(tmp_path, listed=False), progress=False)
    assert not report.faults
    found = {w.where for w in report.warnings if w.kind == 'things without instances'}
    assert found == {'person', 'rider', 'car', 'motorcycle', 'bicycle'}


@pytest.mark.parametrize('message', BROKEN)
def test_check_data_reports_contradictions(tmp_path, message):
    write_coco(tmp_path, COLOURS, BROKEN[message])
    (fault,) = scan_dataset(coco(tmp_path), progress=False).faults
    assert fault.where.endswith('7.png')
    assert 'segments' in fault.kind or 'ids without' in fault.kind


def laid_out(root, name: str) -> Config:
    """Write two images in the layout of a base, and return the base for them."""
    if name == 'coco_panoptic':
        write_coco(root, COLOURS.repeat(12, 0).repeat(16, 1), SEGMENTS)
        (root / 'annotations').mkdir()
        for split in ('train2017', 'val2017'):
            shutil.copytree(root / 'images', root / split)
            shutil.copytree(root / 'png', root / f'annotations/panoptic_{split}')
            copy = root / f'annotations/panoptic_{split}.json'
            shutil.copy(root / 'coco.json', copy)
    else:
        write_cityscapes(root)
        for split in ('train', 'val'):
            shutil.copytree(root / 'images', root / 'leftImg8bit' / split)
            shutil.copytree(root / 'labels', root / 'gtFine' / split)
    return read_config(f'_base_/datasets/{name}.py', dict(data_root=str(root)))


@pytest.mark.parametrize('name', ['cityscapes_panoptic', 'coco_panoptic'])
def test_bases_train_and_evaluate_on_files_in_their_layout(tmp_path, name):
    cfg = laid_out(tmp_path, name)
    assert scan_config(cfg, progress=False).num_faults == 0
    train = DATASETS.build(cfg.train_dataloader.dataset)
    packed = train[0]
    sample = packed['data_samples']
    assert packed['inputs'].shape[1:] == cfg.crop_size
    assert sample.gt_panoptic_targets.shape == cfg.crop_size
    assert sample.gt_panoptic_seg.shape == sample.gt_sem_seg.shape == cfg.crop_size
    things = cfg.model_for_data.thing_classes
    assert isinstance(build_array_pipeline(cfg), PlainPipeline)
    assert list(things) == thing_indices(train.metainfo)
    sample = DATASETS.build(cfg.val_dataloader.dataset)[0]['data_samples']
    assert sample.gt_panoptic_seg.shape == sample.ori_shape


@pytest.mark.parametrize(
    'things, classes, message',
    [
        ((5, 6), None, None),
        ((5, 7), None, r'model: thing_classes=\[5, 7\].* has \[5, 6\] \(person, car\)'),
        ((5, 6), ('car', 'road'), r'thing_classes=\[5, 6\].* has \[0\] \(car\)'),
    ],
)
def test_things_of_model_and_data_are_compared(things, classes, message):
    cfg = read_config('_base_/datasets/synthetic_streets.py')
    cfg.model = dict(type='PanopticDeepLab', thing_classes=things)
    cfg.train_dataloader.dataset.pipeline = []
    if classes:
        cfg.train_dataloader.dataset.metainfo = dict(classes=classes)
    with pytest.raises(InputError, match=message) if message else nullcontext():
        check_classes(cfg, 'train')
