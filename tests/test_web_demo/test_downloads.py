"""Files for the visitor."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_deeplab.web_demo.downloads import save_labels, save_overlay
from mmseg_deeplab.web_demo.scene import Choice, Result, Scene

PREDICTOR = SimpleNamespace(palette=[[10, 20, 30], [200, 100, 50]])
CHOICE = Choice('net (w/1.pth)', crf=True)


def scene(dtype=np.uint8) -> Scene:
    labels = np.array([[0, 1, 1]], dtype)
    image = np.full((1, 3, 3), 100, np.uint8)
    return Scene('my photo.jpeg', image, {CHOICE: Result(labels, 0.1)})


def test_labels_are_ids_in_the_palettes_colours(tmp_path):
    path = save_labels(scene(), CHOICE, tmp_path, predictor=PREDICTOR)
    file = Image.open(path)
    assert np.asarray(file).tolist() == [[0, 1, 1]]
    colours = np.asarray(file.convert('RGB'))[0].tolist()
    assert colours == [[10, 20, 30], [200, 100, 50], [200, 100, 50]]


def test_many_classes_are_written_with_16_bits(tmp_path):
    path = save_labels(scene(np.uint16), CHOICE, tmp_path, predictor=PREDICTOR)
    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (read.dtype, read.tolist()) == (np.uint16, [[0, 1, 1]])


@pytest.mark.parametrize(('opacity', 'first'), [(0, 100), (1, 10), (0.5, 55)])
def test_the_overlay_mixes_by_opacity(tmp_path, opacity, first):
    path = save_overlay(scene(), CHOICE, tmp_path, predictor=PREDICTOR, opacity=opacity)
    assert np.asarray(Image.open(path))[0, 0, 0] == first


def test_names_tell_image_model_and_switches(tmp_path):
    path = save_labels(scene(), CHOICE, tmp_path, predictor=PREDICTOR)
    assert path.name == 'my-photo_net-w-1.pth-_CRF_labels.png'


def test_two_downloads_do_not_meet(tmp_path):
    paths = {
        save_labels(scene(), CHOICE, tmp_path, predictor=PREDICTOR) for _ in range(2)
    }
    assert len(paths) == 2
