"""What becomes of files, switches and errors."""

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_deeplab.inference import load_predictor, read_image
from mmseg_deeplab.web_demo.page import NO_MODEL, shown_in_page

NAMES = ('tiny (iter_30.pth)', 'tiny (iter_15.pth)')
OFF = (False, False)
ONE = (NAMES[0], *OFF, NO_MODEL, *OFF)
BOTH = (NAMES[0], *OFF, NAMES[1], *OFF)


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
    scene, pair, heading, classes, labels, overlay, *second = predictions.update(
        str(image_file), None, 25, *ONE
    )
    image = read_image(image_file)
    wanted = load_predictor(sources[0]).predict([image])[0].labels
    assert heading['value'].startswith(f'**{NAMES[0]}** · 128 x 96 px · ')
    assert (np.asarray(Image.open(labels['value'])) == wanted).all()
    painted = np.asarray(Image.open(overlay['value']))
    assert (painted == pair['value'][1]).all()
    assert (pair['value'][0] == classes['value'][0]).all()
    assert (classes['value'][0] == image).all()
    masks = sum(mask for mask, _ in classes['value'][1])
    assert (masks == 0.25).all()
    assert set(classes['color_map']) == {text for _, text in classes['value'][1]}
    assert [one['visible'] for one in second] == 4 * [False]
    assert scene.path == str(image_file)


def test_two_models_are_compared(predictions, image_file):
    _, pair, *sides = predictions.update(str(image_file), None, 25, *BOTH)
    for painted, overlay in zip(pair['value'], sides[3::4], strict=True):
        assert (np.asarray(Image.open(overlay['value'])) == painted).all()


def test_nothing_is_predicted_twice(predictions, image_file):
    scene, *_ = predictions.update(str(image_file), None, 60, *ONE)
    (first,) = scene.results.values()
    again, *_ = predictions.update(str(image_file), scene, 20, *BOTH)
    predictions.update(str(image_file), scene, 20, NAMES[0], True, True, NO_MODEL, *OFF)
    assert again is scene
    assert len(scene.results) == 3
    assert next(iter(scene.results.values())) is first


def test_another_image_is_another_scene(predictions, image_file, tmp_path):
    scene, *_ = predictions.update(str(image_file), None, 60, *ONE)
    Image.new('L', (24, 16)).save(tmp_path / 'flag.png')
    other, *_ = predictions.update(str(tmp_path / 'flag.png'), scene, 60, *ONE)
    assert other.image.shape == (16, 24, 3)
    nothing, *outputs = predictions.update(None, other, 60, *ONE)
    assert nothing is None
    assert not any(one['visible'] for one in outputs)


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
