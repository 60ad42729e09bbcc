"""A run over files: batches, faults, and inputs that go piece by piece."""

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from predicting import write_picture

from mmseg_deeplab.inference import FileOutputs, Prediction, Predictor, RunOptions
from mmseg_deeplab.inference.claims import Claims
from mmseg_deeplab.inference.file_run import FileRun
from mmseg_deeplab.inference.inputs import find_inputs
from mmseg_deeplab.inference.journal import Journal
from mmseg_deeplab.utils import progress


class Threshold:
    """A predictor without a network: red or not.

    Args:
        most: More images at once do not fit in its memory.
    """

    classes, palette, align_corners = ('other', 'red'), [[0, 0, 0], [255, 0, 0]], False

    def __init__(self, most: int = 100) -> None:
        self.most, self.batches = most, []

    def predict(self, images, *, probabilities: bool = False) -> list[Prediction]:
        self.batches.append(len(images))
        if len(images) > self.most or images[0].shape[:2] == (13, 13):
            raise RuntimeError('out of memory')
        reds = [image[..., 0].astype(np.float32) / 255 for image in images]
        return [
            Prediction(
                (red > 0.5).astype(np.uint8),
                np.stack([1 - red, red]) if probabilities else None,
            )
            for red in reds
        ]


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        write_picture(tmp_path / 'in' / f'{number}.png', seed=number)
    return tmp_path


def run(folder: Path, predictor: Predictor, *, outputs: dict | None = None, **options):
    """Predict ``folder/in`` into ``folder/out``; return the reasons by name."""
    out = FileOutputs(folder / 'out', **(outputs or {}))
    with closing(Claims(out.folder)) as claims:
        journal = Journal(out.folder, settings='s', run='r')
        files = FileRun(
            lambda: predictor,
            outputs=out,
            journal=journal,
            claims=claims,
            options=RunOptions(**options),
            show_progress=False,
        )
        with closing(journal):
            failures = files.run(find_inputs([str(folder / 'in')]))
    return {item.name: reason for item, reason in failures.items()}


def test_writes_what_the_predictor_says(folder):
    assert run(folder, Threshold(), outputs=dict(probabilities=True)) == {}
    image = np.array(Image.open(folder / 'in/3.png'))
    red = image[..., 0] > 127
    assert np.array_equal(Image.open(folder / 'out/labels/3.png'), red)
    probabilities = np.load(folder / 'out/probabilities/3.npy')
    np.testing.assert_allclose(probabilities[1], image[..., 0] / 255, atol=1e-3)
    painted = np.array(Image.open(folder / 'out/overlays/3.jpg')).astype(float)
    expected = image / 2 + red[..., None] * np.array([127.5, 0, 0])
    assert np.abs(painted - expected).mean() < 8  # JPEG of noise


def test_batches_are_as_large_as_asked_for(folder):
    predictor = Threshold()
    run(folder, predictor, batch_size=2)
    assert sorted(predictor.batches) == [1, 2, 2]


def test_what_is_too_much_at_once_goes_one_by_one(folder):
    predictor = Threshold(most=1)
    assert run(folder, predictor, batch_size=5) == {}
    assert predictor.batches == [5, 1, 1, 1, 1, 1]


def test_an_image_that_cannot_be_predicted_does_not_take_others_along(folder):
    write_picture(folder / 'in/2.png', (13, 13))
    (folder / 'in/4.png').write_bytes(b'')
    failures = run(folder, Threshold(), batch_size=2)
    assert failures['2'] == 'RuntimeError: out of memory'
    assert 'empty' in failures['4']
    found = sorted(path.stem for path in (folder / 'out/labels').iterdir())
    assert found == ['0', '1', '3']


def test_the_model_is_not_loaded_when_all_is_done(folder):
    run(folder, Threshold())

    def load() -> Predictor:
        raise AssertionError('loaded')

    out = FileOutputs(folder / 'out')
    items = find_inputs([str(folder / 'in')])
    with closing(Journal(out.folder, settings='s', run='later')) as journal:
        files = FileRun(
            load,
            outputs=out,
            journal=journal,
            claims=Claims(out.folder),
            options=RunOptions(),
        )
        assert files.run(items) == {}


def test_a_folder_that_cannot_be_written_to_ends_the_run(folder):
    (folder / 'out').mkdir()
    (folder / 'out/labels').touch()  # in the place of the folder
    with pytest.raises(OSError, match=r'labels/\d\.png: could not be written'):
        run(folder, Threshold())


def test_a_log_file_gets_lines_instead_of_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress, 'LINE_INTERVAL', -1)
    with progress.Progress('predict', 4, unit='files') as bar:
        bar.advance(2)
    assert re.search(r'predict: 2/4, \S+ files/s, .* min left', capsys.readouterr().out)


@pytest.mark.parametrize('name', ['batch_size', 'max_pixels'])
def test_refuses_impossible_numbers(name):
    with pytest.raises(ValueError, match=f'{name} must be 1 or more, received 0'):
        RunOptions(**{name: 0})


def test_large_images_go_by_windows(folder):
    pytest.importorskip('rasterio')
    image = write_picture(folder / 'in/large.png', (96, 160))
    predictor = Threshold()
    options = dict(max_pixels=10_000, window=64, overlap=0)
    assert run(folder, predictor, **options) == {}
    labels = np.array(Image.open(folder / 'out/labels/large.tif'))
    assert np.array_equal(labels, image[..., 0] > 127)
    assert len(predictor.batches) == 5 + 6


def test_a_video_becomes_two(folder):
    av = pytest.importorskip('av')
    with av.open(str(folder / 'in/film.mp4'), 'w') as film:
        stream = film.add_stream('mpeg4', rate=5)
        stream.width, stream.height = 64, 32
        for number in range(3):
            image = np.full((32, 64, 3), 80 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    assert run(folder, Threshold(), batch_size=2) == {}
    with av.open(str(folder / 'out/labels/film.mkv')) as labels:
        frames = [f.to_ndarray(format='gray') for f in labels.decode(video=0)]
    assert [np.unique(frame).tolist() for frame in frames] == [[0], [0], [1]]
    assert (folder / 'out/overlays/film.mp4').is_file()
