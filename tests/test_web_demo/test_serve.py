"""The server: its examples and limits, what it tells and what it leaves behind."""

import importlib
import os
import socket
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image
from training import free_port

from mmseg_deeplab.datasets.street_scenes import render_scene
from mmseg_deeplab.web_demo import Limits, folder_examples, serving, street_examples

PACKAGE = 'mmseg_deeplab.web_demo'


def test_street_scenes_are_those_of_the_test_split(root):
    configs = root / 'configs'
    examples = street_examples(configs / 'deeplabv2_r26_synthetic_streets.py')
    assert len(examples) == 6
    bgr, _ = render_scene('val', 3, (128, 256), 0)
    assert (examples['scene_3.png'][..., ::-1] == bgr).all()
    assert street_examples(configs / 'deeplabv2_r50_camvid.py') == {}
    assert street_examples(None) == {}


def test_a_folder_gives_its_first_images(tmp_path):
    with pytest.raises(FileNotFoundError, match='no image in it'):
        folder_examples(tmp_path)
    for index in range(7):
        image = Image.fromarray(np.full((4, 5), index, np.uint8))
        image.save(tmp_path / f'{index}.png')
    (tmp_path / 'notes.txt').write_text('')
    examples = folder_examples(tmp_path)
    assert list(examples) == [f'{i}.png' for i in range(6)]
    assert (examples['5.png'] == 5).all()


@pytest.mark.parametrize('option', ['megabytes', 'megapixels', 'queue_size'])
@pytest.mark.parametrize('value', [0, float('nan')])
def test_limits_are_positive(option, value):
    with pytest.raises(ValueError, match=f'{option} is a limit above 0'):
        Limits(**{option: value})


def test_without_gradio_the_remedy_is_told(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ImportError, match=r'pip install "mmseg-deeplab\[web\]"'):
        importlib.import_module(PACKAGE)


def test_nothing_stays_behind(models, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    before, limits = dict(os.environ), Limits(megabytes=3, queue_size=7)
    with serving(models, limits=limits, port=free_port()) as page:
        (folder,) = tmp_path.iterdir()
        assert os.environ['GRADIO_TEMP_DIR'] == str(folder)
        assert (page.max_file_size, page._queue.max_size) == (3_000_000, 7)
        assert page.config['analytics_enabled'] is False
        kinds = {event['api_visibility'] for event in page.config['dependencies']}
        assert kinds == {'private'}
    assert list(tmp_path.iterdir()) == []
    assert dict(os.environ) == before


def test_a_taken_port_is_told(models):
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port = listening.getsockname()[1]
        with (
            pytest.raises(ValueError, match=f'at 127.0.0.1:{port}.*--port'),
            serving(models, port=port),
        ):
            pass
