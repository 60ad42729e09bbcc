"""Scanning a data set: every fault is found, and the numbers are those of the files."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.config.scan_config import dataset_configs, scan_config
from mmseg_deeplab.datasets.scan import scan_dataset

CLASSES = ('road', 'car', 'sky')


def write(folder, split='train', count=4, size=(8, 10)) -> list[np.ndarray]:
    """Write sound pairs, and return the labels."""
    rng = np.random.default_rng(0)
    labels = []
    for kind in ('img', 'ann'):
        (folder / kind / split).mkdir(parents=True)
    for index in range(count):
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        labels.append(rng.choice(np.uint8([0, 1, 2, 255]), size))
        cv2.imwrite(str(folder / f'img/{split}/{index}.jpg'), image)
        write_label(folder, index, labels[-1], split)
    return labels


def write_label(folder, index: int, label: np.ndarray, split='train') -> None:
    cv2.imwrite(str(folder / f'ann/{split}/{index}.png'), label.astype(np.uint8))


def leaf(folder, split='train', **settings) -> dict:
    fixed = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path=f'img/{split}', seg_map_path=f'ann/{split}'),
        metainfo=dict(classes=CLASSES),
        serialize_data=False,  # it collects garbage, which takes half a second
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )
    return fixed | settings


def scan(folder, workers=0, **settings):
    dataset = DATASETS.build(leaf(folder, **settings))
    return scan_dataset(dataset, workers=workers, progress=False)


def scan_training(dataset: dict, **cfg):
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)) | cfg)
    return scan_config(cfg, splits=('train',), progress=False)


def kinds(findings) -> list[tuple[str, str]]:
    return [(found.kind, found.where.rsplit('/', 1)[-1]) for found in findings]


@DATASETS.register_module()
class RenderedDataset(BaseSegDataset):
    """A data set without files, as SyntheticStreets is one."""

    METAINFO = dict(classes=CLASSES, palette=[[0, 0, 0], [1, 1, 1], [2, 2, 2]])

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=f'scene/{index}', seg_fields=[]) for index in range(4)]

    def get_data_info(self, idx: int) -> dict:
        if idx == 2:
            raise KeyError('scene')
        info = super().get_data_info(idx)
        info['img'] = np.zeros((4, 6, 3), np.uint8)
        info['gt_seg_map'] = np.full((4, 6), 9 if idx == 1 else 1, np.uint8)
        return info


def test_sound_data_set_has_no_fault(tmp_path):
    labels = np.stack(write(tmp_path))
    report = scan(tmp_path)
    assert report.faults == []
    assert report.num_samples == 4
    assert report.sizes == {(8, 10): 4}
    assert report.ignored_share == pytest.approx((labels == 255).mean())
    for row in report.histogram():
        hits = labels == row['id']
        assert row['name'] == CLASSES[row['id']]
        assert row['pixels'] == hits.sum()
        assert row['images'] == hits.any(axis=(1, 2)).sum()
        assert row['share'] == pytest.approx(hits.sum() / (labels != 255).sum())


@pytest.mark.parametrize('workers', [0, 2])
def test_all_faults_are_found_at_once(tmp_path, workers):
    write(tmp_path, count=9)
    jpeg = tmp_path / 'img/train/0.jpg'
    jpeg.write_bytes(jpeg.read_bytes()[:-40])
    (tmp_path / 'img/train/1.jpg').write_bytes(b'')
    (tmp_path / 'ann/train/2.png').unlink()
    write_label(tmp_path, 3, np.full((8, 10), 3))
    write_label(tmp_path, 4, np.zeros((9, 9)))
    write_label(tmp_path, 5, np.random.default_rng(0).integers(0, 256, (8, 10, 3)))
    (tmp_path / 'img/train/6.jpg').unlink()
    write_label(tmp_path, 7, np.full((3, 3), 7))
    report = scan(tmp_path, workers=workers)
    assert sorted(kinds(report.faults), key=lambda found: found[1]) == [
        ('truncated file', '0.jpg'),
        ('unreadable file', '1.jpg'),
        ('image without a label', '2.png'),
        ('label values outside the classes', '3.png'),
        ('label of another size than its image', '4.png'),
        ('label without class ids', '5.png'),
        ('label without an image', '6.png'),
        ('label of another size than its image', '7.png'),
        ('label values outside the classes', '7.png'),
    ]
    assert all(f.where in f.message for f in report.faults)
    assert report.sizes == {(8, 10): 6}


def test_listed_image_that_is_missing_is_a_fault(tmp_path):
    write(tmp_path, count=2)
    (tmp_path / 'list.txt').write_text('0\nlost\n')
    # Label 1 belongs to no listed image, which is no fault where a list chooses.
    assert sorted(kinds(scan(tmp_path, ann_file='list.txt').faults)) == [
        ('image without a label', 'lost.png'),
        ('missing image', 'lost.jpg'),
    ]


def test_a_part_of_a_data_set_has_no_labels_too_many(tmp_path):
    write(tmp_path, count=3)
    report = scan(tmp_path, indices=1)
    assert (report.num_samples, report.faults) == (1, [])


def test_reduce_zero_label_of_the_data_set_is_followed(tmp_path):
    write(tmp_path, count=1)
    write_label(tmp_path, 0, np.full((8, 10), 3))
    assert scan(tmp_path).faults != []
    report = scan(tmp_path, reduce_zero_label=True)
    assert report.faults == []
    assert report.pixels[2] == 80


def test_suspicious_labels_are_warnings(tmp_path):
    write(tmp_path, count=2)
    mask = np.zeros((8, 10))
    mask[2:5] = 255
    write_label(tmp_path, 0, mask)
    write_label(tmp_path, 1, np.full_like(mask, 255))
    report = scan(tmp_path)
    (fault,) = report.faults
    assert fault.kind == 'fewer than two classes with pixels'
    assert kinds(report.warnings) == [
        ('label of 0 and 255 only', '0.png'),
        ('label without a class', '1.png'),
        ('class that never occurs', 'car'),
        ('class that never occurs', 'sky'),
    ]


def test_rendered_data_set_is_scanned_to_its_end():
    report = scan_dataset(RenderedDataset(serialize_data=False), progress=False)
    assert [(f.kind, f.where) for f in report.faults] == [
        ('label values outside the classes', 'None'),
        ('sample that the data set cannot give', 'sample 2'),
    ]
    assert 'scene/1' in report.faults[0].message
    assert report.images[1] == 2


def test_config_is_scanned_with_wrappers_and_the_same_set_once(tmp_path):
    for split, count in (('a', 2), ('b', 3)):
        write(tmp_path, split, count)
    leaves = [leaf(tmp_path, 'a'), leaf(tmp_path, 'b')]
    both = dict(type='ConcatDataset', datasets=leaves)
    train = dict(dataset=dict(type='RepeatDataset', times=3, dataset=both))
    assert list(dataset_configs(train)) == leaves
    assert list(dataset_configs(dict(dataset=leaves))) == leaves
    cfg = dict(train_dataloader=train, val_dataloader=dict(dataset=leaves[1]))
    report = scan_config(Config(cfg), progress=False)
    assert [d.num_samples for d in report.datasets] == [2, 3]
    assert report.num_faults == 0
    assert len(report.notes) == 1


@pytest.mark.parametrize(
    'settings, kind, parts',
    [
        (dict(no_such_setting=1), 'data set that cannot be built', ['no_such_setting']),
        (dict(img_suffix='.bmp'), 'empty data set', [".bmp'"]),
        (
            dict(data_root='nowhere'),
            None,
            ['nowhere/img/train/*.jpg', 'nowhere/ann/train/*.png', 'data_root=DIR'],
        ),
        (dict(data_prefix=dict(img_path='img/tain')), None, ['img/tain']),
    ],
)
def test_what_keeps_a_data_set_from_being_read_is_a_fault(
    tmp_path, settings, kind, parts
):
    write(tmp_path, count=1)
    (report,) = scan_training(leaf(tmp_path, **settings)).datasets
    assert kind in (None, report.faults[0].kind)
    assert all(part in report.faults[0].message for part in parts)


def test_data_set_that_names_the_remedy_is_reported_in_its_words(tmp_path):
    for name in ('images/a.png', 'images/b.png', 'labels/a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 5), np.uint8))
    (tmp_path / 'labels.txt').write_text('road\n')
    report = scan_training(dict(type='FolderDataset', data_root=str(tmp_path)))
    (fault,) = report.datasets[0].faults
    assert fault.kind == 'image or label without its partner'
    assert 'b.png' in fault.message
    assert fault.message.count('Remedy:') == 1


def test_config_without_data_sets_is_an_error():
    with pytest.raises(ValueError, match='no data set in train_dataloader'):
        scan_config(Config(dict()), splits=('train',), progress=False)


@pytest.mark.parametrize('num_classes, faults', [(3, 0), (19, 3), (None, 3)])
def test_heads_and_pipeline_are_compared_with_the_data_set(
    tmp_path, num_classes, faults
):
    write(tmp_path, count=1)
    dataset = leaf(tmp_path)
    dataset['pipeline'][1] = dict(
        type='LoadCheckedAnnotations', num_classes=num_classes or 19
    )
    head = dict(type='FCNHead', num_classes=num_classes)
    model = dict(decode_head=head, auxiliary_head=[head])
    report = scan_training(dataset, model=model)
    assert len(report.faults) == report.num_faults == faults
    if faults:
        assert [f.where for f in report.faults[:2]] == [
            'model.decode_head',
            'model.auxiliary_head.0',
        ]
        assert '3 classes' in report.faults[0].message


def test_images_that_training_and_validation_share_are_named(tmp_path):
    write(tmp_path, size=(40, 50))
    write(tmp_path, 'val', size=(40, 50))
    folders = tmp_path / 'img/train', tmp_path / 'img/val'
    noise = np.random.default_rng(1).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    image = cv2.resize(noise, (100, 80), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(folders[0] / '3.jpg'), cv2.resize(image, (50, 40)))
    cv2.imwrite(str(folders[1] / '1.jpg'), image // 2 + 40)
    cv2.imwrite(str(folders[1] / '2.jpg'), image[:, ::-1])  # not found
    for index in (1, 2):
        write_label(tmp_path, index, np.zeros((80, 100)), 'val')
    cfg = {f'{s}_dataloader': {'dataset': leaf(tmp_path, s)} for s in ('train', 'val')}
    report = scan_config(Config(cfg), progress=False).datasets[1]
    shared = [
        one for one in report.warnings if one.kind == 'image also in the training set'
    ]
    assert [one.where[-5:] for one in shared] == ['0.jpg', '1.jpg']
    assert 'train/3.jpg' in shared[1].message and 'similarity 0.9' in shared[1].message
