"""A test that only writes masks reads no label."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_checks import check_data
from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.unlabelled_test import leave_labels_out

LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
PACK = dict(type='PackSegInputs')
# Label ids of the 19 classes, by hand from cityscapesscripts/helpers/labels.py.
CITYSCAPES_IDS = {
    'road': 7, 'sidewalk': 8, 'building': 11, 'wall': 12, 'fence': 13, 'pole': 17,
    'traffic light': 19, 'traffic sign': 20, 'vegetation': 21, 'terrain': 22,
    'sky': 23, 'person': 24, 'rider': 25, 'car': 26, 'truck': 27, 'bus': 28,
    'train': 31, 'motorcycle': 32, 'bicycle': 33,
}  # fmt: skip


def config(**dataset) -> Config:
    views = [[dict(type='RandomFlip', prob=0.0)], [LOAD[1]], [PACK]]
    return Config(
        dict(
            test_dataloader=dict(dataset=dict(pipeline=[*LOAD, PACK], **dataset)),
            tta_pipeline=[LOAD[0], dict(type='TestTimeAug', transforms=views)],
        )
    )


def test_no_step_loads_labels():
    prefix = dict(img_path='a', seg_map_path='b')
    cfg = config(type='BaseSegDataset', data_prefix=prefix)
    leave_labels_out(cfg)
    dataset = cfg.test_dataloader.dataset
    assert dataset.pipeline == [LOAD[0], PACK]
    assert dataset.data_prefix == dict(img_path='a')
    # A group of views that is empty would leave no view at all.
    assert len(cfg.tta_pipeline[1]['transforms']) == 2


def test_the_default_folder_of_labels_is_left_out():
    cfg = config(type='FolderDataset')
    leave_labels_out(cfg)
    assert cfg.test_dataloader.dataset.data_prefix == dict(img_path='images')


KEY = 'test_dataloader.dataset.'


@pytest.mark.parametrize(
    ('base', 'image', 'options'),
    [
        (
            'voc12',
            'JPEGImages/a.jpg',
            {f'{KEY}ann_file': 'ImageSets/Segmentation/test.txt'},
        ),
        (
            'ade20k',
            'images/testing/a.jpg',
            {f'{KEY}data_prefix.img_path': 'images/testing'},
        ),
        (
            'cityscapes',
            'leftImg8bit/test/bonn/bonn_0_0_leftImg8bit.png',
            {f'{KEY}data_prefix.img_path': 'leftImg8bit/test'},
        ),
        ('folder', 'images/test/a.png', {f'{KEY}split': 'test'}),
    ],
)
def test_splits_without_labels_are_read(root, tmp_path, base, image, options):
    lists = {'ImageSets/Segmentation/test.txt': 'a\n', 'labels.txt': 'b\nc\n'}
    for name, text in lists.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / image).parent.mkdir(parents=True)
    cv2.imwrite(str(tmp_path / image), np.zeros((4, 5, 3), np.uint8))
    options = dict(options, data_root=str(tmp_path))
    cfg = read_config(root / f'configs/_base_/datasets/{base}.py', options)
    with pytest.raises(FileNotFoundError, match=r'labels .* --format-only'):
        check_data(cfg, 'test_dataloader')
    leave_labels_out(cfg)
    check_data(cfg, 'test_dataloader')
    (sample,) = DATASETS.build(cfg.test_dataloader.dataset)
    assert sample['inputs'].shape == (3, 4, 5)


def test_a_data_set_without_files_stays_as_it_is():
    cfg = config(type='SyntheticStreets')
    leave_labels_out(cfg)
    assert 'data_prefix' not in cfg.test_dataloader.dataset


@pytest.mark.parametrize('base', ['cityscapes', 'cityscapes_769_mmseg'])
def test_the_ids_of_cityscapes_are_those_of_its_server(root, base):
    cfg = read_config(root / f'configs/_base_/datasets/{base}.py')
    classes = CityscapesDataset.METAINFO['classes']
    assert cfg.test_evaluator.label_ids == [CITYSCAPES_IDS[name] for name in classes]
