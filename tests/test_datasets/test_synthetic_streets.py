"""SyntheticStreets as a data set of MMSegmentation."""

import numpy as np
import pytest
from mmseg.registry import DATASETS
from torch.utils.data import DataLoader

from mmseg_deeplab.datasets.street_scenes import CLASSES, render_scene

SIZE = (32, 64)
LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
PACK = dict(type='PackSegInputs')


def build(pipeline=(), **kwargs):
    settings = dict(num_images=6, size=SIZE, serialize_data=False)
    settings |= dict(type='SyntheticStreets', pipeline=list(pipeline)) | kwargs
    return DATASETS.build(settings)


def test_sample_is_the_rendered_scene():
    dataset = build(split='val', seed=3)
    image, label = render_scene('val', 2, SIZE, 3)
    sample = dataset[2]
    np.testing.assert_array_equal(sample['img'], image)
    np.testing.assert_array_equal(sample['gt_seg_map'], label)
    assert sample['img_shape'] == sample['ori_shape'] == SIZE
    assert sample['img_path'] == 'synthetic_streets/val/000002.png'
    assert sample['seg_map_path'] is None
    assert sample['reduce_zero_label'] is False
    assert sample['sample_idx'] == 2
    assert dataset.metainfo['classes'] == CLASSES
    assert len({tuple(color) for color in dataset.metainfo['palette']}) == 8


def test_kept_scenes_equal_those_drawn_anew():
    kept, drawn = build(cache=True), build()
    kept[1]['img'][:] = 0  # what a transform does in place stays outside
    kept[1]['gt_seg_map'][:] = 9
    np.testing.assert_array_equal(kept[1]['img'], drawn[1]['img'])
    np.testing.assert_array_equal(kept[1]['gt_seg_map'], drawn[1]['gt_seg_map'])


@pytest.mark.parametrize('serialize', [True, False])
def test_subsets_keep_their_scenes(serialize):
    whole = build(serialize_data=serialize, lazy_init=True)
    whole.full_init()
    assert len(whole) == sum(1 for _ in whole) == 6
    np.testing.assert_array_equal(whole[-6]['img'], whole[0]['img'])
    assert whole[-6]['sample_idx'] == 0
    for index in (6, -7):
        with pytest.raises(IndexError, match=rf'index {index} .*train.* 6 scenes'):
            whole[index]
    chosen = build(serialize_data=serialize, indices=[4, 1])
    subset = whole.get_subset([4, 1])
    assert len(chosen) == len(subset) == 2
    for number, index in enumerate((4, 1)):
        for part in (chosen, subset):
            np.testing.assert_array_equal(part[number]['img'], whole[index]['img'])
    assert len(build(serialize_data=serialize, indices=3)) == 3


@pytest.mark.parametrize(
    'setting, error, match',
    [
        (dict(split='eval'), ValueError, "split must be one of .*'eval'"),
        (dict(num_images=0), ValueError, 'num_images is 0'),
        (dict(num_images=2.5), TypeError, 'num_images is 2.5'),
        (dict(size=(16, 32)), ValueError, r'size is \(16, 32\)'),
        (dict(seed=-1), ValueError, 'seed is -1'),
        (dict(data_root='data'), TypeError, 'data_root'),
    ],
)
def test_wrong_settings_are_explained(setting, error, match):
    with pytest.raises(error, match=match):
        build(**setting)


def test_some_of_the_classes():
    dataset = build(metainfo=dict(classes=('car', 'road')))
    original = build()[0]['gt_seg_map']
    expected = np.full(SIZE, 255)
    expected[original == CLASSES.index('car')] = 0
    expected[original == CLASSES.index('road')] = 1
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], expected)


@pytest.mark.parametrize('load', [LOAD, []], ids=['loaded', 'bare'])
def test_label_follows_the_image(load):
    pipeline = [*load, dict(type='RandomFlip', prob=1.0), PACK]
    sample = build(pipeline)[1]
    image, label = render_scene('train', 1, SIZE)
    np.testing.assert_array_equal(sample['inputs'], image[:, ::-1].transpose(2, 0, 1))
    np.testing.assert_array_equal(
        sample['data_samples'].gt_sem_seg.data[0], label[:, ::-1]
    )


def test_workers_draw_the_same_scenes():
    dataset = build([*LOAD, PACK])
    loader = DataLoader(dataset, batch_size=None, num_workers=2)
    for index, sample in enumerate(loader):
        np.testing.assert_array_equal(sample['inputs'], dataset[index]['inputs'])


def test_config_has_its_splits(load_config):
    cfg = load_config('_base_/datasets/synthetic_streets.py')
    loaders = (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader)
    assert [loader.dataset.split for loader in loaders] == ['train', 'val', 'val']
