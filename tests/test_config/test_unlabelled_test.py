"""A test that only writes masks reads no label."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_checks import check_data
from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.unlabelled_test import leave_labels_out

LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
PACK = dict(type='PackSegInputs')
FOLDERS = dict(img_path='a', seg_map_path='b')
KEY = 'data_prefix.img_path'
# Label ids from road to bicycle, by hand from cityscapesscripts/helpers/labels.py.
CITYSCAPES_IDS = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]


@pytest.mark.parametrize(
    ('dataset', 'prefix'),
    [
        (dict(type='BaseSegDataset', data_prefix=FOLDERS), dict(img_path='a')),
        (dict(type='FolderDataset'), dict(img_path='images')),  # the default folder
        (dict(type='SyntheticStreets'), None),  # without files
    ],
)
def test_no_step_loads_labels(dataset, prefix):
    views = [[dict(type='RandomFlip', prob=0.0)], [LOAD[1]], [PACK]]
    tta_pipeline = [LOAD[0], dict(type='TestTimeAug', transforms=views)]
    loader = dict(dataset=dict(dataset, pipeline=[*LOAD, PACK]))
    cfg = Config(dict(test_dataloader=loader, tta_pipeline=tta_pipeline))
    leave_labels_out(cfg)
    assert cfg.test_dataloader.dataset.pipeline == [LOAD[0], PACK]
    assert cfg.test_dataloader.dataset.get('data_prefix') == prefix
    # A group of views that is empty would leave no view at all.
    assert len(cfg.tta_pipeline[1]['transforms']) == 2


@pytest.mark.parametrize(
    ('base', 'image', 'key', 'value'),
    [
        ('voc12', 'JPEGImages/a.jpg', 'ann_file', 'ImageSets/Segmentation/test.txt'),
        ('ade20k', 'images/testing/a.jpg', KEY, 'images/testing'),
        ('cityscapes', 'leftImg8bit/test/a_leftImg8bit.png', KEY, 'leftImg8bit/test'),
        ('folder', 'images/test/a.png', 'split', 'test'),
    ],
)
def test_splits_without_labels_are_read(root, tmp_path, base, image, key, value):
    lists = {'ImageSets/Segmentation/test.txt': 'a\n', 'labels.txt': 'b\nc\n'}
    for name, text in lists.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / image).parent.mkdir(parents=True)
    cv2.imwrite(str(tmp_path / image), np.zeros((4, 5, 3), np.uint8))
    options = {'data_root': str(tmp_path), f'test_dataloader.dataset.{key}': value}
    cfg = read_config(root / f'configs/_base_/datasets/{base}.py', options)
    with pytest.raises(FileNotFoundError, match=r'labels .* --format-only'):
        check_data(cfg, 'test_dataloader')
    leave_labels_out(cfg)
    check_data(cfg, 'test_dataloader')
    (sample,) = DATASETS.build(cfg.test_dataloader.dataset)
    assert sample['inputs'].shape == (3, 4, 5)


@pytest.mark.parametrize('base', ['cityscapes', 'cityscapes_769_mmseg'])
def test_the_ids_of_cityscapes_are_those_of_its_server(root, base):
    cfg = read_config(root / f'configs/_base_/datasets/{base}.py')
    assert cfg.test_evaluator.label_ids == CITYSCAPES_IDS
