"""What is shown of a prediction, and the files for the visitor."""

import io

import numpy as np
import pytest
from PIL import Image

from mmseg_deeplab.web_demo.demo_models import Choice
from mmseg_deeplab.web_demo.results import LONGEST_EDGE, Result, Scene, shrink

CLASSES = ('sky', '<road>', 'car')
PALETTE = [[10, 20, 30], [200, 100, 50], [7, 8, 255]]


def result(labels: list | np.ndarray, dtype: type = np.uint8) -> Result:
    return Result(np.array(labels, dtype), 0.1, CLASSES, PALETTE)


def test_masks_have_the_opacity_and_the_colour_of_their_class():
    masks, colours = result([[1, 1, 1, 0]]).annotations(0.6)
    assert [text for _, text in masks] == ['<road> 75.0%', 'sky 25.0%']
    assert [mask.tolist() for mask, _ in masks] == [
        [[0.6, 0.6, 0.6, 0]],
        [[0, 0, 0, 0.6]],
    ]
    assert colours == {'<road> 75.0%': '#c86432', 'sky 25.0%': '#0a141e'}


def test_a_class_of_a_few_pixels_is_not_nothing():
    labels = np.zeros((100, 100), np.uint8)
    labels[0, 0] = 2
    assert result(labels).annotations(1)[0][1][1] == 'car < 0.1%'


def test_large_images_are_shown_at_the_size_of_a_screen():
    labels = np.zeros((10, 2 * LONGEST_EDGE), np.uint8)
    labels[:, LONGEST_EDGE:] = 1
    (mask, text), _ = result(labels).annotations(1)[0]
    assert (mask.shape, text) == ((5, LONGEST_EDGE), 'sky 50.0%')
    image = np.zeros((*labels.shape, 3), np.uint8)
    small = shrink(image)
    assert small.shape == (5, LONGEST_EDGE, 3)
    assert (result(labels).overlay(small, 1)[0, -1] == PALETTE[1]).all()
    assert result(labels).overlay(image, 1).shape == image.shape


def test_labels_are_ids_in_the_colours_of_the_palette():
    file = Image.open(io.BytesIO(result([[0, 1, 1]]).labels_png()))
    assert np.asarray(file).tolist() == [[0, 1, 1]]
    assert np.asarray(file.convert('RGB')).tolist() == [[PALETTE[k] for k in (0, 1, 1)]]


def test_many_classes_are_written_with_16_bits():
    file = Image.open(io.BytesIO(result([[0, 399]], np.uint16).labels_png()))
    assert np.asarray(file).tolist() == [[0, 399]]


@pytest.mark.parametrize(('opacity', 'first'), [(0, 100), (1, 10), (0.5, 55)])
def test_the_overlay_mixes_by_opacity(opacity, first):
    image = np.full((1, 3, 3), 100, np.uint8)
    assert result([[0, 1, 1]]).overlay(image, opacity)[0, 0, 0] == first


def test_names_of_downloads_tell_image_model_and_switches():
    scene = Scene('a/my photo.jpeg', np.zeros((1, 1, 3), np.uint8))
    name = scene.file_name(Choice('net (w/1.pth)', crf=True), 'labels')
    assert name == 'my-photo_net-w-1.pth-_CRF_labels.png'
