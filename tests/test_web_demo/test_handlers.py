"""What the handlers make of files, switches and errors."""

from pathlib import Path

import cv2
import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from mmseg_deeplab.web_demo import Example, Handlers, Limits
from mmseg_deeplab.web_demo.handlers import NO_MODEL, shown_in_page
from mmseg_deeplab.web_demo.scene import Scene

RED, BLUE = (200, 30, 10), (10, 40, 180)
NAMES = ('tiny (iter_30.pth)', 'tiny (iter_15.pth)')
OFF = (False, False)


def flag() -> np.ndarray:
    """Return a 16x24 image, red at the left and blue at the right."""
    image = np.full((16, 24, 3), RED, np.uint8)
    image[:, 12:] = BLUE
    return image


def save_exif(path: Path) -> np.ndarray:
    """A camera held upright stores its picture lying on the side."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(flag()).save(path, exif=exif)
    return np.rot90(flag(), -1)


def save_deep(path: Path) -> np.ndarray:
    cv2.imwrite(str(path), flag()[..., ::-1].astype(np.uint16) * 256 + 77)
    return flag()


def save_grey(path: Path) -> np.ndarray:
    Image.fromarray(flag()[..., 0]).save(path)
    return flag()[..., :1].repeat(3, axis=2)


def save_rgba(path: Path) -> np.ndarray:
    alpha = np.full((16, 24, 1), 128, np.uint8)
    Image.fromarray(np.concatenate([flag(), alpha], axis=2)).save(path)
    return flag()


def save_palette(path: Path) -> np.ndarray:
    Image.fromarray(flag()).quantize(2).save(path)
    return flag()


@pytest.mark.parametrize(
    'save', [save_exif, save_deep, save_grey, save_rgba, save_palette]
)
def test_every_kind_of_image_becomes_upright_rgb(handlers, tmp_path, save):
    wanted = save(tmp_path / 'flag.png')
    scene = handlers.open_upload(str(tmp_path / 'flag.png'))
    assert (scene.image == wanted).all()
    assert scene.name == 'flag.png'


def test_messages_name_the_file_without_the_servers_folders(handlers, tmp_path):
    (tmp_path / 'a.png').write_text('no image')
    with pytest.raises(ValueError, match=r'^a\.png: ') as error:
        handlers.open_upload(str(tmp_path / 'a.png'))
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ('limits', 'reason'),
    [
        (Limits(megabytes=1e-5), r'flag.png: 0.0 MB, and the limit is 1e-05 MB'),
        (Limits(megapixels=3e-4), r'flag.png: 24x16 are more than 300 pixels'),
    ],
)
def test_limits(models, tmp_path, limits, reason):
    Image.fromarray(flag()).save(tmp_path / 'flag.png')
    handlers = Handlers(models, examples=[], limits=limits, folder=tmp_path)
    with pytest.raises(ValueError, match=reason):
        handlers.open_upload(str(tmp_path / 'flag.png'))


def test_no_file_is_told(handlers):
    with pytest.raises(ValueError, match='no file'):
        handlers.open_upload(None)


def test_an_example_opens(models, tmp_path):
    example = Example('flag.png', flag())
    handlers = Handlers(models, examples=[example], limits=Limits(), folder=tmp_path)
    scene = handlers.open_example(0)
    assert (scene.name, scene.image.tolist()) == ('flag.png', flag().tolist())


def test_nothing_is_predicted_twice(handlers):
    scene = Scene('a.png', flag())
    handlers.segment(scene, NAMES[0], *OFF, NO_MODEL, *OFF)
    (first,) = scene.results.values()
    handlers.segment(scene, NAMES[0], *OFF, NAMES[1], *OFF)
    handlers.segment(scene, NAMES[0], True, True, NO_MODEL, *OFF)
    assert len(scene.results) == 3
    assert next(iter(scene.results.values())) is first
    assert scene.shown == handlers.choices(NAMES[0], True, True)


def test_no_image_no_result(handlers):
    assert handlers.segment(None, NAMES[0], *OFF, NO_MODEL, *OFF) == ''


def test_a_download_without_a_result_is_told(handlers):
    for scene in (None, Scene('a.png', flag())):
        with pytest.raises(gr.Error, match='choose it again'):
            handlers.download_labels(scene, 0)


@pytest.mark.parametrize(
    ('error', 'message'),
    [
        (ValueError('<b>.png is none'), '&lt;b&gt;.png is none'),
        (torch.OutOfMemoryError('CUDA'), 'memory of the device'),
        (RuntimeError('odd'), 'RuntimeError: odd. More is in the log'),
    ],
)
def test_exceptions_become_messages(error, message):
    def fail() -> None:
        raise error

    with pytest.raises(gr.Error) as shown:
        shown_in_page(fail)()
    assert message in shown.value.message
    assert shown.value.print_exception is False
