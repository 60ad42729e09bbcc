"""Scanning a data set: every fault is found, and the numbers are those of the files."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.scan_config import dataset_configs, scan_config
from mmseg_deeplab.datasets import SyntheticStreets
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
        cv2.imwrite(str(folder / f'ann/{split}/{index}.png'), labels[-1])
    return labels


def leaf(folder, split='train', **settings) -> dict:
    return dict(
        type='BaseSegDataset',
        data_root=str(folder),
        data_prefix=dict(img_path=f'img/{split}', seg_map_path=f'ann/{split}'),
        metainfo=dict(classes=CLASSES),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
        **settings,
    )


def scan(folder, workers=0, **settings):
    dataset = DATASETS.build(leaf(folder, **settings))
    return scan_dataset(dataset, workers=workers, progress=False)


def spoil(folder) -> None:
    """Break six of eight pairs, each in its own way."""
    jpeg = folder / 'img/train/0.jpg'
    jpeg.write_bytes(jpeg.read_bytes()[:-40])
    (folder / 'img/train/1.jpg').write_bytes(b'')
    (folder / 'ann/train/2.png').unlink()
    cv2.imwrite(str(folder / 'ann/train/3.png'), np.full((8, 10), 3, np.uint8))
    cv2.imwrite(str(folder / 'ann/train/4.png'), np.zeros((9, 9), np.uint8))
    colors = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / 'ann/train/5.png'), colors)
    (folder / 'img/train/6.jpg').unlink()


@DATASETS.register_module()
class RenderedDataset(BaseSegDataset):
    """A data set without files, as SyntheticStreets is one."""

    METAINFO = dict(classes=CLASSES, palette=[[0, 0, 0], [1, 1, 1], [2, 2, 2]])

    def __init__(self, bad: int = -1, **kwargs) -> None:
        self.bad = bad
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=f'scene/{index}', seg_fields=[]) for index in range(3)]

    def get_data_info(self, idx: int) -> dict:
        info = super().get_data_info(idx)
        info['img'] = np.zeros((4, 6, 3), np.uint8)
        info['gt_seg_map'] = np.full((4, 6), 9 if idx == self.bad else 1, np.uint8)
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
    write(tmp_path, count=8)
    spoil(tmp_path)
    report = scan(tmp_path, workers=workers)
    found = {(f.kind, f.where.rsplit('/', 1)[-1]) for f in report.faults}
    assert found == {
        ('truncated file', '0.jpg'),
        ('unreadable file', '1.jpg'),
        ('image without a label', '2.png'),
        ('label values outside the classes', '3.png'),
        ('label of another size than its image', '4.png'),
        ('label without class ids', '5.png'),
        ('label without an image', '6.png'),
    }
    assert all(f.where in f.message for f in report.faults)
    assert report.sizes == {(8, 10): 5}


def test_one_label_can_have_two_faults(tmp_path):
    write(tmp_path, count=1)
    cv2.imwrite(str(tmp_path / 'ann/train/0.png'), np.full((3, 3), 7, np.uint8))
    kinds = [fault.kind for fault in scan(tmp_path).faults]
    assert len(kinds) == 2
    assert len(set(kinds)) == 2


def test_listed_image_that_is_missing_is_a_fault(tmp_path):
    write(tmp_path, count=2)
    (tmp_path / 'list.txt').write_text('0\nlost\n')
    faults = scan(tmp_path, ann_file='list.txt').faults
    # Label 1 belongs to no listed image, which is no fault where a list chooses.
    assert sorted(fault.kind for fault in faults) == [
        'image without a label',
        'missing image',
    ]


def test_empty_data_set_is_a_fault(tmp_path):
    write(tmp_path, count=2)
    cfg = Config(dict(train_dataloader=dict(dataset=leaf(tmp_path, img_suffix='.bmp'))))
    (report,) = scan_config(cfg, splits=('train',), progress=False).datasets
    assert [fault.kind for fault in report.faults] == [
        'empty data set',
        'label without an image',
        'label without an image',
    ]
    assert ".bmp'" in report.faults[0].message


def test_reduce_zero_label_of_the_data_set_is_followed(tmp_path):
    write(tmp_path, count=1)
    cv2.imwrite(str(tmp_path / 'ann/train/0.png'), np.full((8, 10), 3, np.uint8))
    assert scan(tmp_path).faults != []
    report = scan(tmp_path, reduce_zero_label=True)
    assert report.faults == []
    assert report.pixels[2] == 80


def test_suspicious_labels_are_warnings(tmp_path):
    write(tmp_path, count=2)
    mask = np.zeros((8, 10), np.uint8)
    mask[2:5] = 255
    cv2.imwrite(str(tmp_path / 'ann/train/0.png'), mask)
    cv2.imwrite(str(tmp_path / 'ann/train/1.png'), np.full_like(mask, 255))
    report = scan(tmp_path)
    assert report.faults == []
    kinds = [(w.kind, w.where.rsplit('/', 1)[-1]) for w in report.warnings]
    assert kinds == [
        ('label of 0 and 255 only', '0.png'),
        ('label without a class', '1.png'),
        ('class that never occurs', 'car'),
        ('class that never occurs', 'sky'),
    ]


def test_rendered_data_set_is_scanned():
    dataset = RenderedDataset(bad=1)
    report = scan_dataset(dataset, progress=False)
    assert [f.kind for f in report.faults] == ['label values outside the classes']
    assert 'scene/1' in report.faults[0].message
    assert report.pixels[1] == 2 * 24


def test_synthetic_streets_are_scanned():
    pipeline = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
    streets = SyntheticStreets(num_images=3, size=(40, 72), pipeline=pipeline)
    report = scan_dataset(streets, progress=False)
    assert report.faults == []
    assert report.sizes == {(40, 72): 3}
    assert report.pixels.sum() == 3 * 40 * 72


def test_data_set_that_fails_itself_does_not_end_the_scan(monkeypatch):
    dataset = RenderedDataset()
    give = dataset.get_data_info

    def fail_once(index: int) -> dict:
        if index == 1:
            raise KeyError('scene')
        return give(index)

    monkeypatch.setattr(dataset, 'get_data_info', fail_once)
    report = scan_dataset(dataset, progress=False)
    assert [f.where for f in report.faults] == ['sample 1']
    assert report.images[1] == 2


def test_wrappers_are_unpacked(tmp_path):
    a, b = leaf(tmp_path, 'a'), leaf(tmp_path, 'b')
    both = dict(type='ConcatDataset', datasets=[a, b])
    loader = dict(dataset=dict(type='RepeatDataset', times=3, dataset=both))
    assert list(dataset_configs(loader)) == [a, b]
    assert list(dataset_configs(dict(dataset=[a, b]))) == [a, b]


def test_config_is_scanned_with_wrappers_and_the_same_set_once(tmp_path):
    for split, count in (('a', 2), ('b', 3)):
        write(tmp_path, split, count)
    both = dict(
        type='ConcatDataset', datasets=[leaf(tmp_path, 'a'), leaf(tmp_path, 'b')]
    )
    cfg = Config(
        dict(
            train_dataloader=dict(dataset=both),
            val_dataloader=dict(dataset=leaf(tmp_path, 'b')),
        )
    )
    report = scan_config(cfg, progress=False)
    assert [d.num_samples for d in report.datasets] == [2, 3]
    assert report.num_faults == 0
    assert len(report.notes) == 1


def test_missing_data_root_says_what_is_expected_where(tmp_path):
    root = tmp_path / 'nowhere'
    cfg = Config(dict(train_dataloader=dict(dataset=leaf(root))))
    report = scan_config(cfg, splits=('train',), progress=False)
    assert report.num_faults == 1
    message = report.datasets[0].faults[0].message
    for part in (f'{root}/img/train/*.jpg', f'{root}/ann/train/*.png', 'data_root=DIR'):
        assert part in message


def test_missing_folder_below_data_root_is_named(tmp_path):
    write(tmp_path, count=1)
    dataset = leaf(tmp_path) | dict(data_prefix=dict(img_path='img/tain'))
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    (report,) = scan_config(cfg, splits=('train',), progress=False).datasets
    assert [f.where for f in report.faults] == [str(tmp_path / 'img/tain')]


def test_data_set_that_cannot_be_built_is_a_fault(tmp_path):
    write(tmp_path, count=1)
    dataset = leaf(tmp_path, no_such_setting=1)
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    report = scan_config(cfg, splits=('train',), progress=False)
    (fault,) = report.datasets[0].faults
    assert fault.kind == 'data set that cannot be built'
    assert 'no_such_setting' in fault.message


def test_data_set_that_names_the_remedy_is_reported_in_its_words(tmp_path):
    for name in ('images/a.png', 'images/b.png', 'labels/a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((4, 5), np.uint8))
    (tmp_path / 'labels.txt').write_text('road\n')
    dataset = dict(type='FolderDataset', data_root=str(tmp_path))
    cfg = Config(dict(train_dataloader=dict(dataset=dataset)))
    report = scan_config(cfg, splits=('train',), progress=False)
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
    cfg = Config(
        dict(
            model=dict(decode_head=head, auxiliary_head=[head]),
            train_dataloader=dict(dataset=dataset),
        )
    )
    report = scan_config(cfg, splits=('train',), progress=False)
    assert len(report.faults) == report.num_faults == faults
    if faults:
        assert [f.where for f in report.faults[:2]] == [
            'model.decode_head',
            'model.auxiliary_head.0',
        ]
        assert '3 classes' in report.faults[0].message


def test_data_root_option_reaches_all_data_sets(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(
        "data_root = 'old/'\n"
        'train_dataloader = dict(dataset=dict(dataset=dict(data_root=data_root)))\n'
        "val_dataloader = dict(dataset=dict(data_root='other/'))\n"
    )
    cfg = read_config(str(path), dict(data_root='new/'))
    assert cfg.train_dataloader.dataset.dataset.data_root == 'new/'
    assert cfg.val_dataloader.dataset.data_root == 'other/'
