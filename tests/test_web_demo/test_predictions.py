"""What becomes of files, switches, predictions and errors."""

import threading

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_deeplab.inference import Prediction, load_predictor, read_image
from mmseg_deeplab.inference.overlay import paint
from mmseg_deeplab.inference.predictor import Segments
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.web_demo.demo_models import Choice
from mmseg_deeplab.web_demo.page import NO_MODEL, OneJob, shown_in_page
from mmseg_deeplab.web_demo.results import LONGEST_EDGE, Result, Scene

NAMES = ('tiny (iter_30.pth)', 'tiny (iter_15.pth)')
OFF = (False, False)
ONE = (NAMES[0], *OFF, NO_MODEL, *OFF)
BOTH = (NAMES[0], *OFF, NAMES[1], *OFF)
PALETTE = [[10, 20, 30], [200, 100, 50], [7, 8, 255]]


def result(labels: list | np.ndarray, segments: Segments | None = None) -> Result:
    names = ('sky', '<road>', 'car')
    return Result(np.array(labels, np.uint8), 0.1, names, PALETTE, segments)


@pytest.mark.parametrize(
    ('content', 'message'),
    [(None, r'^a\.png: 200x200 are more'), ('text', r'^a\.png: ')],
)
def test_messages_name_the_file_without_the_folders_of_the_server(
    predictions, tmp_path, content, message
):
    path = tmp_path / 'a.png'
    Image.new('RGB', (200, 200)).save(path)
    if content:
        path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        predictions.open(str(path))
    assert str(tmp_path) not in str(error.value)


def test_the_page_gets_what_the_model_predicts(predictions, sources, image_file):
    _, pair, heading, classes, labels, overlay, *second = predictions.update(
        str(image_file), None, 25, *ONE
    )
    image = read_image(image_file)
    wanted = load_predictor(sources[0]).predict([image])[0].labels
    assert heading['value'].startswith(f'**{NAMES[0]}** · 128 x 96 px · ')
    assert (np.asarray(Image.open(labels['value'])) == wanted).all()
    painted = np.asarray(Image.open(overlay['value']))
    assert (painted == pair['value'][1]).all()
    assert (classes['value'][0] == pair['value'][0]).all()
    assert (classes['value'][0] == image).all()
    assert (sum(mask for mask, _ in classes['value'][1]) == 0.25).all()
    assert set(classes['color_map']) == {text for _, text in classes['value'][1]}
    assert [one['visible'] for one in second] == 4 * [False]


def test_nothing_is_predicted_twice(predictions, image_file):
    scene, *_ = predictions.update(str(image_file), None, 60, *ONE)
    (first,) = scene.results.values()
    again, *_ = predictions.update(str(image_file), scene, 20, *BOTH)
    predictions.update(str(image_file), scene, 20, NAMES[0], True, True, NO_MODEL, *OFF)
    assert again is scene and len(scene.results) == 3
    assert next(iter(scene.results.values())) is first


def test_another_image_is_another_scene(predictions, image_file, tmp_path):
    scene, *_ = predictions.update(str(image_file), None, 60, *ONE)
    Image.new('L', (24, 16)).save(tmp_path / 'flag.png')
    other, *_ = predictions.update(str(tmp_path / 'flag.png'), scene, 60, *ONE)
    assert other.image.shape == (16, 24, 3)
    nothing, *outputs = predictions.update(None, other, 60, *ONE)
    assert nothing is None and not any(one['visible'] for one in outputs)


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (ValueError('<b>.png is none'), '&lt;b&gt;.png is none'),
        (torch.OutOfMemoryError('CUDA'), 'memory of the device'),
    ],
)
def test_exceptions_become_messages(error, message):
    def fail() -> None:
        raise error

    with pytest.raises(gr.Error) as shown:
        shown_in_page(fail)()
    assert message in shown.value.message
    assert shown.value.print_exception is False


def test_nobody_waits_longer_than_the_limit():
    end = threading.Event()
    jobs = OneJob(1)
    handler = jobs.in_time(lambda wait: end.wait() if wait else 'done')
    assert handler(False) == 'done'
    with pytest.raises(InputError, match=r'longer than 1 s'):
        handler(True)
    with pytest.raises(InputError, match=r'not come to this image in 1 s'):
        handler(False)
    end.set()
    assert handler(True) is True


def test_an_error_of_a_job_is_that_of_its_handler():
    def fail() -> None:
        raise TimeoutError('of the job')

    with pytest.raises(TimeoutError, match='of the job'):
        OneJob(9).in_time(fail)()


def test_masks_have_the_opacity_and_the_colour_of_their_class():
    masks, colours = result([[1, 1, 1, 0]]).annotations(0.6)
    assert [(mask.tolist(), text) for mask, text in masks] == [
        ([[0.6, 0.6, 0.6, 0]], '<road> 75.0%'),
        ([[0, 0, 0, 0.6]], 'sky 25.0%'),
    ]
    assert colours == {'<road> 75.0%': '#c86432', 'sky 25.0%': '#0a141e'}


def test_large_images_are_shown_at_the_size_of_a_screen():
    labels = np.zeros((10, 2 * LONGEST_EDGE), np.uint8)
    labels[:, LONGEST_EDGE:] = 1
    labels[0, 0] = 2
    masks, _ = result(labels).annotations(1)
    assert masks[0][0].shape == (5, LONGEST_EDGE)
    assert [text for _, text in masks] == ['<road> 50.0%', 'sky 50.0%', 'car < 0.1%']
    image = np.zeros((*labels.shape, 3), np.uint8)
    assert (result(labels).overlay(image, 1)[0, -1] == PALETTE[1]).all()


def test_names_of_downloads_tell_image_model_and_switches():
    scene = Scene('a/my photo.jpeg', np.zeros((1, 1, 3), np.uint8))
    name = scene.file_name(Choice('net (w/1.pth)', crf=True), 'labels')
    assert name == 'my-photo_net-w-1.pth-_CRF_labels.png'


def test_instances_are_counted_and_painted_one_by_one():
    labels = np.zeros((8, 16), np.uint8)
    labels[2:6, 2:14] = 2
    ids = np.where(labels == 2, 2001, 0).astype(np.int32)
    ids[2:6, 8:14] = 2002
    infos = [dict(id=0, category_id=0, isthing=False)]
    infos += [dict(id=2000 + n, category_id=2, isthing=True) for n in (1, 2)]
    segments = Segments(ids, infos)
    found = result(labels, segments)
    names = [text for _, text in found.annotations(1)[0]]
    assert names == ['sky 62.5%', '2 x car 37.5%']
    image = np.full((8, 16, 3), 90, np.uint8)
    expected = paint(image, Prediction(labels, segments=segments), PALETTE)
    assert (found.overlay(image, 0.5) == expected).all()
    large = [np.kron(one, np.ones((200, 200), one.dtype)) for one in (labels, ids)]
    found = result(large[0], Segments(large[1], infos))
    shown = found.overlay(np.full((640, 1280, 3), 90, np.uint8), 1)
    assert len({tuple(shown[320, column]) for column in (10, 400, 900)}) == 3
