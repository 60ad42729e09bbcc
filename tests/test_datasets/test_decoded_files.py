"""Decoded files are kept, and only as long as they belong to their file."""

import os
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from mmseg_deeplab.datasets.transforms import (
    DataFileError,
    DecodedFiles,
    LoadCheckedAnnotations,
    LoadCheckedImage,
)
from mmseg_deeplab.datasets.transforms import checked_loading as loading


def write(path, array) -> str:
    cv2.imwrite(str(path), array)
    return str(path)


def pixels(seed=0, shape=(6, 8, 3), high=256) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, shape, dtype=np.uint8)


@pytest.fixture
def decode(monkeypatch) -> Mock:
    """Count what is decoded."""
    monkeypatch.setattr(loading, 'decode', Mock(wraps=loading.decode))
    return loading.decode


def load_image(path: str, folder) -> np.ndarray:
    return LoadCheckedImage(cache_dir=str(folder))(dict(img_path=path))['img']


def load_label(path: str, folder, **kwargs) -> np.ndarray:
    loader = LoadCheckedAnnotations(cache_dir=str(folder), **kwargs)
    results = dict(seg_map_path=path, reduce_zero_label=False, seg_fields=[])
    return loader(results)['gt_seg_map']


def test_an_image_is_decoded_once(tmp_path, decode):
    path = write(tmp_path / 'a.png', pixels())
    for _ in range(3):
        image = load_image(path, tmp_path / 'cache')
        assert np.array_equal(image, pixels())
        image[:] = 0  # what is loaded may be written to
    decode.assert_called_once()


def test_a_label_is_decoded_once_and_checked_always(tmp_path, decode):
    label = pixels(shape=(6, 8), high=5)
    path = write(tmp_path / 'a.png', label)
    assert np.array_equal(load_label(path, tmp_path / 'cache'), label)
    with pytest.raises(DataFileError, match='num_classes=3'):
        load_label(path, tmp_path / 'cache', num_classes=3)
    decode.assert_called_once()


def test_a_replaced_file_is_decoded_anew(tmp_path):
    path = write(tmp_path / 'a.png', pixels())
    load_image(path, tmp_path / 'cache')
    write(path, pixels(1))
    os.utime(path, ns=(1, 1))  # even if its clock runs backwards
    assert np.array_equal(load_image(path, tmp_path / 'cache'), pixels(1))


def test_image_and_label_of_one_file_are_two_entries(tmp_path):
    path = write(tmp_path / 'a.png', pixels(shape=(6, 8)))
    assert load_image(path, tmp_path / 'cache').shape == (6, 8, 3)
    assert load_label(path, tmp_path / 'cache').shape == (6, 8)


def test_a_broken_file_leaves_no_entry(tmp_path):
    path = tmp_path / 'a.png'
    path.write_bytes(cv2.imencode('.png', pixels())[1].tobytes()[:-20])
    for _ in range(2):
        with pytest.raises(DataFileError, match='truncated'):
            load_image(str(path), tmp_path / 'cache')
    assert not (tmp_path / 'cache').exists()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'a\.png'):
        load_image(str(path), tmp_path / 'cache')


def test_addresses_are_refused(tmp_path):
    with pytest.raises(ValueError, match='cache_dir needs files'):
        DecodedFiles(tmp_path).get('s3://bucket/a.png', pixels, setting='')
