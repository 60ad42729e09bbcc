"""The HTML of the results, read back."""

import base64
import html
import io
import json
import re
import zlib

import numpy as np
from PIL import Image

from mmseg_deeplab.web_demo.panel import LONGEST_EDGE, panels_html
from mmseg_deeplab.web_demo.scene import Choice, Result, Scene

CLASSES = ('sky', '<road>', 'car')
PALETTE = [[1, 2, 3], [40, 50, 60], [7, 8, 9]]


def render(labels: np.ndarray, image: np.ndarray | None = None) -> str:
    """Return the HTML of one panel."""
    choice = Choice('net', crf=True)
    if image is None:
        image = np.zeros((*labels.shape, 3), np.uint8)
    scene = Scene('a.png', image, {choice: Result(labels, 0.5)}, [choice])
    return panels_html(scene, classes=[CLASSES], palettes=[PALETTE])


def data_of(text: str) -> dict:
    found = re.search('<div class="data" hidden>(.*?)</div>', text)[1]
    data = json.loads(html.unescape(found))
    packed = zlib.decompress(base64.b64decode(data['labels']))
    return data | dict(labels=np.frombuffer(packed, '<u2'))


def test_labels_and_colours_arrive():
    labels = np.array([[0, 1, 2], [2, 2, 2]], np.uint8)
    data = data_of(render(labels))
    assert data['labels'].tolist() == labels.ravel().tolist()
    assert (data['classes'], data['palette']) == (list(CLASSES), PALETTE)


def test_more_than_256_classes_arrive():
    names, colours = [str(k) for k in range(400)], [[0, 0, 0]] * 400
    choice = Choice('net')
    result = Result(np.full((2, 2), 399, np.uint16), 0.5)
    scene = Scene('a', np.zeros((2, 2, 3), np.uint8), {choice: result}, [choice])
    text = panels_html(scene, classes=[names], palettes=[colours])
    assert data_of(text)['labels'].tolist() == [399] * 4


def test_the_legend_is_sorted_by_share():
    labels = np.array([[1, 1, 1, 0]], np.uint8)
    rows = re.findall('<span>(.*?)</span><b>(.*?)</b>', render(labels))
    assert rows == [('&lt;road&gt;', '75.0 %'), ('sky', '25.0 %')]
    assert 'Not found: car<' in render(labels)


def test_a_class_of_a_few_pixels_is_not_nothing():
    labels = np.zeros((100, 100), np.uint8)
    labels[0, 0] = 2
    assert '<span>car</span><b>&lt; 0.1 %</b>' in render(labels)


def test_switches_and_size_are_noted():
    assert 'CRF · 3 &times; 2 px' in render(np.zeros((2, 3), np.uint8))


def test_large_images_travel_at_the_size_of_a_screen():
    labels = np.zeros((10, 2 * LONGEST_EDGE), np.uint8)
    labels[:, LONGEST_EDGE:] = 1
    text = render(labels)
    assert data_of(text)['labels'].size == 5 * LONGEST_EDGE
    assert '50.0 %' in text
    encoded = re.search('base64,(.*?)"', text)[1]
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert image.size == (LONGEST_EDGE, 5)
