"""Samples as a pipeline makes them: originals, draws, colours, splits; image grids."""

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS
from training import write_data

from mmseg_deeplab.datasets.street_scenes import render_scene
from mmseg_deeplab.visualization.dataset_samples import browse, draw_sample
from mmseg_deeplab.visualization.image_grid import draw_image_grid

SIZE = (48, 96)
LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
PACK = dict(type='PackSegInputs')
CROP = dict(type='RandomCrop', crop_size=(24, 40))
PALETTE = [[10, 20, 30], [200, 0, 0]]


def config(*transforms: dict, pipeline: list[dict] | None = None) -> Config:
    """Return a config of SyntheticStreets with some transforms in its pipeline."""
    pipeline = pipeline or [*LOAD, *transforms, PACK]
    dataset = dict(type='SyntheticStreets', split='val', num_images=5, size=SIZE)
    return Config(dict(train_dataloader=dict(dataset=dict(dataset, pipeline=pipeline))))


def sample_of(cfg: Config, **options):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    return draw_sample(dataset, 3, is_rgb=False, **options)


def test_a_sample_is_a_window_of_the_scene_in_rgb():
    sample = sample_of(config(CROP))
    image, labels = render_scene('val', 3, SIZE, 0)  # BGR
    windows = np.lib.stride_tricks.sliding_window_view(image, (24, 40, 3))
    same = (windows[:, :, 0] == sample.image[..., ::-1]).all((2, 3, 4))
    ((y, x),) = np.argwhere(same)
    np.testing.assert_array_equal(sample.labels, labels[y : y + 24, x : x + 40])
    assert sample.name == '000003'


def test_grey_images_are_shown(tmp_path):
    write_data(tmp_path)
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    cv2.imwrite(str(tmp_path / 'x.png'), image)
    read = dict(type='LoadCheckedImage', color_type='grayscale')
    dataset = dict(type='BaseSegDataset', data_root=str(tmp_path), img_suffix='x.png')
    dataset |= dict(metainfo=dict(classes=('a', 'b'), palette=PALETTE))
    cfg = Config(
        dict(val_dataloader=dict(dataset=dict(dataset, pipeline=[read, PACK])))
    )
    paths = browse(cfg, tmp_path / 'out', split='val', stage='original')
    shown = cv2.imread(str(paths[0]))
    assert (shown[..., :1] == shown).all(2).mean() > 0.9


def test_images_that_a_test_resizes_have_the_size_of_their_labels():
    resize = dict(type='Resize', scale=(192, 96))
    sample = sample_of(config(pipeline=[LOAD[0], resize, LOAD[1], PACK]))
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
    built = DATASETS.build(cfg.test_dataloader.dataset)
    stored = cv2.imread(str(folder / 'images' / '0.png'))
    for is_rgb, expected in ((False, stored[..., ::-1]), (True, stored)):
        sample = draw_sample(built, 0, is_rgb=is_rgb)
        np.testing.assert_array_equal(sample.painted([[0] * 3]), expected)
        assert sample.labels is None and sample.name == '0'
    assert len(browse(cfg, tmp_path / 'out', split='test', draws=1)) == 2


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(split='test'), 'no test_dataloader'),
        (dict(stage='raw'), "augmented, original.*'raw'"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        browse(config(), tmp_path, **options)


def test_missing_data_and_a_pipeline_without_packing_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"in PackSegInputs.*'img': 'ndarray'"):
        sample_of(config(pipeline=LOAD))
    cfg = config()
    cfg.train_dataloader.dataset.data_root = str(tmp_path / 'none')
    with pytest.raises(FileNotFoundError, match=r'train_dataloader: .*/none'):
        browse(cfg, tmp_path)


def test_a_grid_shows_images_and_masks_side_by_side():
    image = np.full((32, 64, 3), 77, np.uint8)
    row = (image, np.zeros((32, 64), int), np.ones((32, 64), int))
    options = dict(classes=('a', 'a very long name'), palette=PALETTE, tile_width=64)
    grid = draw_image_grid([row], **options)
    colours = grid[32 + 16, [8 + 32, 80 + 32, 152 + 32]].tolist()
    assert colours == [[77, 77, 77], *PALETTE]
    short = draw_image_grid([row], captions=['x'], listed=[True, False], **options)
    assert short.shape[1] < grid.shape[1]
    assert short[32 + 24 + 16, 8 + 32].tolist() == [77, 77, 77]
    with pytest.raises(ValueError, match='at least one row'):
        draw_image_grid([], **options)
