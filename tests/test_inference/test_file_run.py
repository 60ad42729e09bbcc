"""A run over files: batches, faults of files and of devices, inputs in pieces."""

import os
import time
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch
from PIL import Image
from predicting import PlainPredictor, write_image, write_model, write_video

from mmseg_deeplab.inference import (
    DeviceError,
    FileOutputs,
    Prediction,
    RunOptions,
    file_run,
    load_predictor,
)
from mmseg_deeplab.inference.file_run import FileRun
from mmseg_deeplab.inference.input_files import find_inputs
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands


class Threshold(PlainPredictor):
    """A predictor without a network: red or not.

    Args:
        most: How many images at once fit into its memory.
        error: What it raises instead of predicting.
    """

    classes, palette = ('other', 'red'), [[0, 0, 0], [255, 0, 0]]

    def __init__(self, most: int = 100, error: Exception | None = None) -> None:
        super().__init__()
        self.most, self.error = most, error

    def predict(self, images, *, probabilities: bool = False) -> list[Prediction]:
        self.batches.append(len(images))
        if self.error:
            raise self.error
        if len(images) > self.most:
            raise torch.OutOfMemoryError
        if images[0].shape[:2] == (13, 13):
            raise ValueError('too small')
        return [self.one(image) for image in images]

    def one(self, image: np.ndarray) -> Prediction:
        red = image[..., 0].astype(np.float32) / 255
        return Prediction((red > 0.5).astype(np.uint8), np.stack([1 - red, red]))


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        write_image(tmp_path / 'in' / f'{number}.png', seed=number)
    return tmp_path


def run(
    folder: Path, predictor, *, outputs: dict | None = None, label_ids=None, **options
):
    """Predict ``folder/in`` into ``folder/out``; return the reasons by name."""
    out = FileOutputs(folder / 'out', **(outputs or {}))
    options = RunOptions(**{'workers': 0} | options)
    items = find_inputs([str(folder / 'in')])[1]
    file_run = FileRun(lambda device: predictor, out, options)
    file_run.label_ids = label_ids
    failures = file_run.run(items)
    return {Path(path).stem: reason for path, reason in failures.items()}


def assert_each_has_its_own_mask(folder: Path) -> None:
    masks = sorted((folder / 'out/labels').iterdir())
    assert [mask.name for mask in masks] == sorted(os.listdir(folder / 'in'))
    for mask in masks:
        image = np.array(Image.open(folder / 'in' / mask.name))
        assert np.array_equal(Image.open(mask), image[..., 0] > 127)


@pytest.mark.parametrize(('workers', 'batch_size'), [(0, 1), (2, 3)])
def test_writes_what_the_predictor_says(folder, workers, batch_size):
    options = dict(workers=workers, batch_size=batch_size)
    assert run(folder, Threshold(), outputs=dict(probabilities=True), **options) == {}
    assert_each_has_its_own_mask(folder)
    image = np.array(Image.open(folder / 'in/3.png'))
    red = image[..., 0] > 127
    probabilities = np.load(folder / 'out/probabilities/3.npy')
    np.testing.assert_allclose(probabilities[1], image[..., 0] / 255, atol=1e-3)
    painted = np.array(Image.open(folder / 'out/overlays/3.jpg')).astype(float)
    red_image = image / 2 + np.array([127.5, 0, 0])
    expected = np.where(red[..., None], red_image, image)  # 0 is black: bare
    assert np.abs(painted - expected).mean() < 8  # JPEG of noise


def test_images_that_are_predicted_together_do_not_disturb_each_other(
    tmp_path, monkeypatch
):
    # CRF and logits are switched inside the segmentor, which all threads share. The
    # second thread begins when the first one is inside, and ends after it.
    monkeypatch.setattr(file_run, 'default_device', lambda: 'cpu')
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 2)
    predictor = load_predictor(write_model(tmp_path), crf=True)
    images = [write_image(tmp_path / f'in/{n}.png', seed=n) for n in range(2)]
    alone = predictor.predict(images, probabilities=True)
    predict, extract = predictor.predict, predictor.segmentor.extract_feat
    barrier, threads = Barrier(2, timeout=60), iter(range(2))

    def stepwise(images, **options):
        is_second = next(threads)
        if is_second:
            barrier.wait()
        found = predict(images, **options)
        if not is_second:
            barrier.wait()
        return found

    predictor.predict = stepwise
    predictor.segmentor.extract_feat = lambda inputs: (
        barrier.wait(),
        barrier.wait(),
        extract(inputs),
    )[-1]
    assert run(tmp_path, predictor, outputs=dict(probabilities=True)) == {}
    for number, expected in enumerate(alone):
        labels = Image.open(tmp_path / f'out/labels/{number}.png')
        assert np.array_equal(labels, expected.labels)
        found = np.load(tmp_path / f'out/probabilities/{number}.npy')
        np.testing.assert_allclose(found, expected.probabilities, atol=1e-3)


@pytest.mark.parametrize(
    ('batch_size', 'most_pixels', 'threads', 'most'),
    [(1, 10**6, 1, 2), (2, 10**6, 1, 2), (8, 10**6, 2, 1), (2, 5000, 2, 1)],
)
def test_cores_are_shared_by_small_batches_if_they_are_several(
    folder, monkeypatch, batch_size, most_pixels, threads, most
):
    monkeypatch.setattr(file_run, 'PIXELS_TOGETHER', most_pixels)
    monkeypatch.setattr(file_run, 'default_device', lambda: 'cpu')
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    predictor, seen, inside = Threshold(), [], []
    predict = predictor.predict

    def watched(images, **options):
        inside.append(images)
        seen.append((torch.get_num_threads(), len(inside), len(images)))
        time.sleep(0.05)
        inside.pop()
        return predict(images, **options)

    predictor.predict = watched
    try:
        assert run(folder, predictor, batch_size=batch_size) == {}
    finally:
        torch.set_num_threads(before)
    assert max(count for _, count, _ in seen) <= most
    full = [found for found, _, size in seen if size == min(batch_size, 5)]
    assert set(full) == {threads}


def test_images_in_memory_are_few_whatever_the_batch(folder):
    for number in range(5, 40):
        write_image(folder / f'in/{number}.png')
    predictor, done, in_memory = Threshold(), [], []

    class SlowOutputs(FileOutputs):
        def write_image(self, *args, **kwargs):
            time.sleep(0.05)
            super().write_image(*args, **kwargs)

    def step(count):
        in_memory.append(sum(predictor.batches) - sum(done))
        done.append(count)

    items = find_inputs([str(folder / 'in')])[1]
    outputs, options = SlowOutputs(folder / 'out'), RunOptions(batch_size=8)
    FileRun(lambda device: predictor, outputs, options).run(items, on_step=step)
    assert sum(done) == 40 and max(in_memory) <= 3 * 8


def test_masks_have_the_ids_of_the_data_set(folder):
    assert run(folder, Threshold(), label_ids=lambda count: [7, 33][:count]) == {}
    red = np.array(Image.open(folder / 'in/3.png'))[..., 0] > 127
    mask = Image.open(folder / 'out/labels/3.png')
    assert np.array_equal(mask, np.where(red, 33, 7))
    assert np.array_equal(mask.convert('RGB'), red[..., None] * np.uint8([255, 0, 0]))
    write_image(folder / 'in/new.png')
    with pytest.raises(InputError, match='model 2 classes'):
        run(folder, Threshold(), label_ids=lambda _: [1, 2, 3])


def test_images_of_one_size_are_a_batch(folder):
    for number in (1, 3):
        write_image(folder / 'in' / f'{number}.png', (24, 24))
    predictor = Threshold()
    run(folder, predictor, batch_size=2)
    assert sorted(predictor.batches) == [1, 2, 2]


def test_images_of_many_sizes_do_not_wait_in_memory(tmp_path):
    for number in range(30):
        write_image(tmp_path / 'in' / f'{number:02d}.png', (20, 20 + number))

    class Remover(Threshold):
        def predict(self, images, **options):
            (tmp_path / 'in/29.png').unlink(missing_ok=True)
            return super().predict(images, **options)

    # The last file has not been read when the first ones are predicted.
    assert list(run(tmp_path, Remover(), batch_size=2)) == ['29']


def test_a_batch_that_does_not_fit_is_halved_and_so_are_the_next_ones(folder):
    predictor = Threshold(most=1)
    assert run(folder, predictor, batch_size=4) == {}
    assert predictor.batches == [4, 2, 1, 1, 1, 1, 1]
    assert_each_has_its_own_mask(folder)


@pytest.mark.parametrize(
    'error',
    [RuntimeError('CUDA error: unspecified launch failure'), torch.OutOfMemoryError()],
)
def test_a_device_that_fails_stops_the_run_and_condemns_no_file(folder, error):
    predictor = Threshold(error=error)
    with pytest.raises(DeviceError, match=rf'{type(error).__name__}.*in/0\.png'):
        run(folder, predictor)
    assert len(predictor.batches) == 1
    assert not (folder / 'out').exists()
    assert run(folder, Threshold()) == {}  # the same command does all of it


def test_a_bad_file_does_not_take_others_along(folder):
    write_image(folder / 'in/2.png', (13, 13))
    write_image(folder / 'in/3.png', (13, 13))
    (folder / 'in/4.png').write_bytes(b'')
    failures = run(folder, Threshold(), batch_size=2)
    assert failures['2'] == failures['3'] == 'too small'
    assert 'empty' in failures['4']
    found = sorted(path.stem for path in (folder / 'out/labels').iterdir())
    assert found == ['0', '1']


def test_odd_files_do_not_take_others_along(folder):
    os.mkfifo(folder / 'pipe.png')
    os.mkfifo(folder / 'pipe.mp4')
    odd = [b'\xff.png', b'n' * 246 + b'.png', b'm' * 251 + b'.png', b'new\nline.png']
    for name in odd:
        write_image(folder / 'x.png')
        (folder / 'x.png').rename(folder / 'in' / os.fsdecode(name))
    (folder / 'in/link.png').symlink_to('/dev/zero')
    write_image(folder / 'in' / ('m' * 251 + '.bmp'))
    paths = [str(folder / name) for name in ('in', 'pipe.png', 'pipe.mp4')]
    items = find_inputs(paths).files
    out = FileOutputs(folder / 'out')
    run = FileRun(lambda device: Threshold(), out, RunOptions(workers=2))
    failures = {os.path.basename(k)[:9]: why for k, why in run.run(items).items()}
    assert sorted(failures) == ['m' * 9, 'pipe.mp4', 'pipe.png']
    assert 'longer than file systems allow (259 of 255' in failures['m' * 9]
    assert 'a pipe or a device' in failures['pipe.mp4']
    found = {os.fsencode(path.name) for path in (folder / 'out/labels/in').iterdir()}
    assert found >= {odd[0], odd[1], odd[3], b'0.png'}


def test_a_folder_that_cannot_be_written_to_ends_the_run(folder):
    (folder / 'out').mkdir()
    (folder / 'out/labels').touch()  # in the place of the folder
    with pytest.raises(OSError, match=r'labels/\d\.png: could not be written'):
        run(folder, Threshold())


def test_large_images_are_predicted_by_windows(folder):
    pytest.importorskip('rasterio')
    image = write_image(folder / 'in/large.png', (96, 160))
    predictor = Threshold()
    assert run(folder, predictor, max_pixels=10_000, window=64, overlap=0) == {}
    labels = np.array(Image.open(folder / 'out/labels/large.tif'))
    assert np.array_equal(labels, image[..., 0] > 127)
    assert len(predictor.batches) == 5 + 6
    assert run(folder, None) == {}  # all is finished: no model is needed


def test_a_video_becomes_two(folder):
    av = pytest.importorskip('av')
    frames = [np.full((32, 64, 3), 80 * number, np.uint8) for number in range(3)]
    write_video(folder / 'in/film.avi', frames)
    assert run(folder, Threshold(), batch_size=2) == {}
    with av.open(str(folder / 'out/labels/film.mkv')) as labels:
        frames = [f.to_ndarray(format='gray') for f in labels.decode(video=0)]
    assert [np.unique(frame).tolist() for frame in frames] == [[0], [0], [1]]
    assert run(folder, None) == {}
    (folder / 'out/overlays/film.mkv').unlink()
    assert run(folder, Threshold(), batch_size=2) == {}
    assert (folder / 'out/overlays/film.mkv').is_file()


@pytest.mark.parametrize('what', ['--probabilities', 'bands'])
def test_what_a_video_cannot_have_is_a_fault(folder, what):
    write_video(folder / 'in/film.avi', [np.zeros((32, 64, 3), np.uint8)])
    predictor, outputs = Threshold(), {}
    if what == 'bands':
        predictor.bands = ImageBands(3)
        (folder / 'in').rename(folder / 'all')
        (folder / 'in').mkdir()
        (folder / 'all/film.avi').rename(folder / 'in/film.avi')
    else:
        outputs = dict(probabilities=True)
    failures = run(folder, predictor, outputs=outputs)
    assert list(failures) == ['film'] and what in failures['film']


def test_bands_are_chosen_of_images_too(folder):
    pytest.importorskip('rasterio')
    image = write_image(folder / 'in/0.png')
    assert run(folder, Threshold(), bands=(3, 2, 1)) == {}
    labels = np.array(Image.open(folder / 'out/labels/0.tif'))
    assert np.array_equal(labels, image[..., 2] > 127)
