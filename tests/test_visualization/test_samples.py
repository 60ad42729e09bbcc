"""Samples as a pipeline makes them: stages, draws, colours, splits."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from training import write_data

from mmseg_deeplab.datasets.street_scenes import render_scene
from mmseg_deeplab.visualization import build_dataset, draw_sample

SIZE = (48, 96)
LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
PACK = dict(type='PackSegInputs')


def config(*transforms: dict, split: str = 'train', **more) -> Config:
    """Return a config of SyntheticStreets with a pipeline around ``transforms``."""
    pipeline = [LOAD[0], LOAD[1], *transforms, PACK]
    dataset = dict(
        type='SyntheticStreets',
        split='val',
        num_images=5,
        size=SIZE,
        pipeline=pipeline,
    )
    return Config({f'{split}_dataloader': dict(dataset=dataset), **more})


CROP = dict(type='RandomCrop', crop_size=(24, 40))


def samples(cfg: Config, stage: str = 'augmented', **options):
    dataset = build_dataset(cfg, split='train', stage=stage)
    return draw_sample(dataset, 3, is_rgb=False, **options)


def test_an_original_is_the_scene_itself_in_rgb():
    sample = samples(config(CROP), stage='original')
    image, labels = render_scene('val', 3, SIZE, 0)  # BGR
    np.testing.assert_array_equal(sample.image, image[..., ::-1])
    np.testing.assert_array_equal(sample.labels, labels)
    assert sample.name == '000003'


def test_an_augmented_sample_is_a_window_of_the_original():
    original = samples(config(CROP), stage='original')
    sample = samples(config(CROP))
    assert sample.image.shape == (24, 40, 3) and sample.labels.shape == (24, 40)
    windows = np.lib.stride_tricks.sliding_window_view(original.image, (24, 40, 3))
    same = (windows[:, :, 0] == sample.image).all((2, 3, 4))
    (place,) = np.argwhere(same)
    y, x = place
    expected = original.labels[y : y + 24, x : x + 40]
    np.testing.assert_array_equal(sample.labels, expected)


def test_seed_and_draw_alone_decide_what_is_random():
    def draw(**options):
        np.random.rand()  # the state before does not matter
        return samples(config(CROP), **options).image

    np.testing.assert_array_equal(draw(seed=1, draw=2), draw(seed=1, draw=2))
    draws = [draw(seed=seed, draw=n) for seed in (1, 2) for n in range(3)]
    assert len({image.tobytes() for image in draws}) >= 5


def test_wrapped_data_sets_lose_their_augmentation_too():
    inner = config(CROP).train_dataloader.dataset
    wrapped = dict(type='ConcatDataset', datasets=[inner, inner])
    cfg = Config(dict(train_dataloader=dict(dataset=wrapped)))
    dataset = build_dataset(cfg, split='train', stage='original')
    assert len(dataset) == 10
    assert draw_sample(dataset, 7, is_rgb=False).image.shape == (*SIZE, 3)
    assert cfg.train_dataloader.dataset.datasets[0].pipeline[2] == CROP  # untouched


def test_images_that_a_test_resizes_are_shown_at_the_size_of_their_labels():
    resize = dict(type='Resize', scale=(192, 96))
    cfg = config()
    cfg.train_dataloader.dataset.pipeline = [LOAD[0], resize, LOAD[1], PACK]
    sample = samples(cfg)
    assert sample.image.shape[:2] == sample.labels.shape == SIZE


def test_files_without_labels_have_none(tmp_path):
    folder = write_data(tmp_path, images=1)
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(folder),
        img_suffix='.png',
        metainfo=dict(classes=('a', 'b', 'c'), palette=[[0] * 3, [9] * 3, [99] * 3]),
        data_prefix=dict(img_path='images'),
        test_mode=True,
        pipeline=[LOAD[0], PACK],
    )
    cfg = Config(dict(test_dataloader=dict(dataset=dataset)))
    built = build_dataset(cfg, split='test', stage='augmented')
    sample = draw_sample(built, 0, is_rgb=False)
    stored = cv2.imread(str(folder / 'images' / '0.png'))[..., ::-1]
    np.testing.assert_array_equal(sample.painted([[0] * 3]), stored)
    assert sample.labels is None and sample.name == '0'


def test_rgb_pipelines_are_not_swapped():
    dataset = build_dataset(config(), split='train', stage='original')
    one, other = (draw_sample(dataset, 0, is_rgb=flag).image for flag in (True, False))
    np.testing.assert_array_equal(one, other[..., ::-1])


def test_a_missing_split_is_named_with_those_there_are():
    with pytest.raises(ValueError, match='no test_dataloader; splits there are: train'):
        build_dataset(config(), split='test', stage='augmented')


def test_an_unknown_stage_is_refused():
    with pytest.raises(ValueError, match=r"'augmented', 'original'.*'raw'"):
        build_dataset(config(), split='train', stage='raw')


def test_a_missing_folder_is_named(tmp_path):
    cfg = config()
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'none')
    with pytest.raises(FileNotFoundError, match=r'train_dataloader: .*/none'):
        build_dataset(cfg, split='train', stage='augmented')


def test_a_pipeline_without_packing_is_refused():
    cfg = config()
    cfg.train_dataloader.dataset.pipeline = LOAD
    with pytest.raises(
        ValueError, match=r"must end in PackSegInputs.*'img': 'ndarray'"
    ):
        samples(cfg)
