"""Overlays and the files that predictions are written to."""

import os
from functools import partial

import numpy as np
import pytest
from local import largest_file
from PIL import Image
from predicting import PALETTE, smooth_image

from mmseg_deeplab.inference import overlay
from mmseg_deeplab.inference.output_files import (
    save_image,
    write_labels,
    write_probabilities,
)
from mmseg_deeplab.inference.predictor import label_dtype

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4) % 8
IMAGE = smooth_image((3, 4))


@pytest.mark.parametrize('opacity', [0, 0.3, 1])
def test_overlay_mixes_image_and_colours(opacity):
    colours = np.array(PALETTE)[LABELS]
    expected = (1 - opacity) * IMAGE + opacity * colours
    assert np.abs(overlay(IMAGE, LABELS, PALETTE, opacity=opacity) - expected).max() < 1


def test_a_black_class_leaves_the_image_bare():
    image = np.full((1, 3, 3), 200, np.uint8)
    labels = np.uint8([[0, 1, 255]])  # the last one is ignored
    found = overlay(image, labels, [[0, 0, 0], [100, 0, 0]])
    assert found.tolist() == [[[200] * 3, [150, 100, 100], [100] * 3]]


def test_overlay_of_more_than_256_classes():
    palette = [[k % 256, k // 256, 7] for k in range(300)]
    labels = np.array([[0, 299]], dtype=np.uint16)
    found = overlay(np.zeros((1, 2, 3), np.uint8), labels, palette, opacity=1)
    assert found.tolist() == [[[0, 0, 7], [43, 1, 7]]]


def test_overlay_refuses_an_impossible_opacity_and_labels_of_another_size():
    for opacity in (-0.1, 1.1):
        with pytest.raises(ValueError, match='opacity'):
            overlay(IMAGE, LABELS, PALETTE, opacity=opacity)
    with pytest.raises(ValueError, match='one size'):
        overlay(IMAGE, LABELS[:2], PALETTE)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_labels_come_back_from_their_file(tmp_path, dtype):
    labels = LABELS.astype(dtype) * (1 if dtype == np.uint8 else 1000)
    write_labels(tmp_path / 'new' / '1.png', labels, PALETTE)
    file = Image.open(tmp_path / 'new' / '1.png')
    assert np.array_equal(file, labels)
    if dtype == np.uint8:
        assert np.array_equal(file.convert('RGB'), np.array(PALETTE)[labels])


def test_labels_of_another_type_are_refused(tmp_path):
    with pytest.raises(TypeError, match='int64'):
        write_labels(tmp_path / '1.png', LABELS.astype(np.int64), PALETTE)


def test_probabilities_have_half_precision(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), (3, 4))
    write_probabilities(tmp_path / '1.npy', probabilities.transpose(2, 0, 1))
    found = np.load(tmp_path / '1.npy')
    assert found.dtype == np.float16
    np.testing.assert_allclose(found.transpose(1, 2, 0), probabilities, rtol=1e-3)


@pytest.mark.parametrize(
    'write', [save_image, write_probabilities, partial(write_labels, palette=PALETTE)]
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, write):
    path = tmp_path / '1.png'
    write(path, LABELS)
    before = path.read_bytes()
    with pytest.raises(OSError, match='could not be written'), largest_file(40):
        write(path, LABELS[:2])
    assert os.listdir(tmp_path) == ['1.png']
    assert path.read_bytes() == before


@pytest.mark.parametrize(('classes', 'dtype'), [(2, 'u1'), (256, 'u1'), (257, 'u2')])
def test_the_type_of_labels(classes, dtype):
    assert label_dtype(classes) == np.dtype(dtype)
