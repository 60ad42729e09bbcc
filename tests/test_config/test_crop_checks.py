"""The warning of crops that are too small for rates or tests."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.crop_checks import crop_of, small_crop, too_large_rate
from mmseg_deeplab.config.shipped import configs_folder

WINDOWS = {
    'model.test_cfg.mode': 'slide',
    'model.test_cfg.crop_size': (256, 256),
    'model.test_cfg.stride': (171, 171),
}
TOO_LARGE = ['18, is no smaller than the 16x16', '[1,3,6,9]', 'crop_size']
PUBLISHED = {'deeplabv3_mobilenetv3_camvid', 'deeplabv3_mobilenetv3_voc12aug'}


@pytest.fixture
def folder(tmp_path):
    """Return the options of a config with one image of 600x600."""
    (tmp_path / 'labels.txt').write_text('a\nb\n')
    for kind in ('images', 'labels'):
        for split in ('train', 'val'):
            (tmp_path / kind / split).mkdir(parents=True)
            image = np.zeros((600, 600), np.uint8)
            cv2.imwrite(str(tmp_path / kind / split / 'x.png'), image)
    return {'data_root': str(tmp_path), 'crop_size': (256, 256)}


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """Write ``own.py`` into the current folder."""
    monkeypatch.chdir(tmp_path)
    bases = configs_folder() / '_base_'
    names = ('models/deeplabv3plus_mobilenetv2', 'datasets/folder')
    names += ('schedules/adamw_short', 'default_runtime')
    lines = [f'    {str(bases / name) + ".py"!r},' for name in names]
    text = '\n'.join(['_base_ = [', *lines, ']', 'model = _base_.model_for_data'])
    (tmp_path / 'own.py').write_text(text)


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({}, [*TOO_LARGE, 'mode=slide']),
        (WINDOWS, TOO_LARGE),
        ({'model.decode_head.dilations': [1, 3, 6, 9]}, ['600x600', 'mode=slide']),
        ({'model.decode_head.dilations': [1, 3, 6, 9], **WINDOWS}, None),
        ({'crop_size': (513, 513)}, None),
    ],
)
def test_the_warning_names_what_is_too_small_and_the_remedies(
    folder, options, expected
):
    found = small_crop(read_config('own.py', folder | options))
    assert (found is None) == (expected is None)
    for part in expected or ():
        assert part in found


def test_a_validation_that_fails_is_left_to_the_training(folder):
    (Path(folder['data_root']) / 'images/val/x.png').write_bytes(b'no image')
    rates = {'model.decode_head.dilations': [1, 3, 6, 9]}
    assert small_crop(read_config('own.py', folder | rates)) is None


@pytest.mark.slow
def test_shipped_configs_have_rates_that_fit_their_crops():
    found = set()
    for path in configs_folder().glob('*_*_*.py'):
        cfg = Config.fromfile(path)
        crop = crop_of(cfg)
        if crop and too_large_rate(cfg, crop):
            found.add(path.stem)
    assert found == PUBLISHED  # torchvision's own rates
