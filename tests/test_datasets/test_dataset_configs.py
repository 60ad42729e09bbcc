"""The data set bases: files in the layout that each one names go through both ways."""

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS

from mmseg_deeplab.datasets.scan_config import dataset_configs

NAMES = ['camvid', 'cityscapes', 'voc12aug']
SIZE = (30, 50)


@pytest.fixture(params=NAMES)
def cfg(request, load_config, tmp_path):
    """Return a base, with its folders and two small pairs in each split."""
    cfg = load_config(f'_base_/datasets/{request.param}.py')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        for leaf in dataset_configs(loader):
            leaf.data_root = str(tmp_path)
            write(tmp_path, leaf, cfg.num_classes)
    return cfg


def write(root, leaf, num_classes) -> None:
    """Write a pair of files where a data set expects them."""
    image_suffix, label_suffix = {
        'CityscapesDataset': ('_leftImg8bit.png', '_gtFine_labelTrainIds.png'),
        'PascalVOCDataset': ('.jpg', '.png'),
        'CamVidDataset': ('.png', '.png'),
    }[leaf.type]
    images = root / leaf.data_prefix.img_path
    labels = root / leaf.data_prefix.seg_map_path
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in ('a', 'b'):
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        cv2.imwrite(str(images / f'{name}{image_suffix}'), image)
        label = rng.integers(0, num_classes, SIZE, dtype=np.uint8)
        cv2.imwrite(str(labels / f'{name}{label_suffix}'), label)
    if leaf.get('ann_file'):
        (root / leaf.ann_file).parent.mkdir(parents=True, exist_ok=True)
        (root / leaf.ann_file).write_text('a\nb\n')


def test_training_samples_fit_the_crop(cfg):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    assert len(dataset.metainfo['classes']) == cfg.num_classes
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        assert image.shape[1:] == sample.gt_sem_seg.shape
        assert all(s <= c for s, c in zip(image.shape[1:], cfg.crop_size, strict=True))
        assert sample.gt_sem_seg.data.max() < cfg.num_classes


@pytest.mark.parametrize('loader', ['val_dataloader', 'test_dataloader'])
def test_evaluation_runs_at_native_size(cfg, loader):
    sample = DATASETS.build(cfg[loader].dataset)[0]
    assert sample['inputs'].shape == (3, *SIZE)
    assert sample['data_samples'].gt_sem_seg.shape == SIZE


def test_augmented_evaluation_keeps_the_label(cfg):
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = cfg.tta_pipeline
    views = DATASETS.build(dataset)[0]
    assert len(views['inputs']) == 6 * 2
    assert {sample.gt_sem_seg.shape for sample in views['data_samples']} == {SIZE}


@pytest.mark.parametrize('name', ['camvid', 'voc12aug'])
def test_crops_are_deeplab_crops(load_config, name):
    crop_size = load_config(f'_base_/datasets/{name}.py').crop_size
    assert all(side % 8 == 1 for side in crop_size)


def test_voc_scales_are_those_of_caffe(load_config):
    pipeline = load_config('_base_/datasets/voc12aug.py').train_pipeline
    (choice,) = (step for step in pipeline if step.type == 'RandomChoice')
    scales = [branch[0].scale_factor for branch in choice.transforms]
    assert scales == [0.5, 0.75, 1.0, 1.25, 1.5]


def test_camvid_splits_are_three(load_config):
    cfg = load_config('_base_/datasets/camvid.py')
    for split in ('train', 'val', 'test'):
        prefix = cfg[f'{split}_dataloader'].dataset.data_prefix
        assert prefix == dict(
            img_path=f'img_dir/{split}', seg_map_path=f'ann_dir/{split}'
        )
