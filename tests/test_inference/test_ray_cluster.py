"""Files on a Ray cluster: two actors on this machine, one of which is killed."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from predicting import write_image, write_model

from mmseg_deeplab.inference import FileOutputs, ModelSource, predict_files
from mmseg_deeplab.utils.errors import DeviceError, InputError

pytestmark = pytest.mark.slow
COUNT = 60


def actor_processes() -> set[int]:
    """Return the processes of Ray that hold the model, by the names Ray gives them."""
    found = set()
    for status in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if b'ray::MapWorker' in status.read_bytes():
                found.add(int(status.parent.name))
        except OSError:  # it has ended
            continue
    return found


def kill_one_after(count: int, labels: Path, killed: list[int]) -> None:
    end = time.monotonic() + 200
    while time.monotonic() < end:
        if len(list(labels.glob('*.png'))) >= count and actor_processes():
            killed.append(min(actor_processes()))
            os.kill(killed[0], signal.SIGKILL)
            return
        time.sleep(0.01)


@pytest.fixture
def predict(tmp_path, monkeypatch):
    """Return what predicts ``in`` on a cluster; there is one image in it."""
    ray = pytest.importorskip('ray')
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / 'in/0.png')
    outputs = FileOutputs(Path('out'), overlays=False)
    ray.init(num_cpus=2, include_dashboard=False)
    yield partial(
        predict_files, inputs=['in'], outputs=outputs, ray='', show_progress=False
    )
    ray.shutdown()


def test_every_file_is_done_although_an_actor_is_killed(tmp_path, predict):
    source = write_model(tmp_path)
    for number in range(1, COUNT):
        os.link('in/0.png', f'in/{number}.png')
    Path('in/bad.png').write_bytes(b'no image')
    killed: list[int] = []
    task = 5, Path('out/labels'), killed
    killer = threading.Thread(target=kill_one_after, args=task, daemon=True)
    killer.start()
    outcome = predict(source, device='cpu', actors=2)
    killer.join()
    assert killed
    assert outcome.total == COUNT + 1
    assert list(outcome.failures) == [str(tmp_path / 'in/bad.png')]
    masks = [np.array(Image.open(path)) for path in Path('out/labels').glob('*.png')]
    assert len(masks) == COUNT
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.parametrize(
    ('device', 'error', 'told'),
    [('meta', DeviceError, 'no file is to blame'), ('cpu', InputError, r'gone\.pth')],
)
def test_what_stops_an_actor_stops_the_run_with_its_own_error(
    tmp_path, predict, device, error, told
):
    """The command then ends with the status of that error, as without Ray."""
    source = write_model(tmp_path)
    if error is InputError:
        Path('gone.pth').write_bytes(b'no checkpoint')
        source = ModelSource(source.config, str(tmp_path / 'gone.pth'))
    with pytest.raises(error, match=told):
        predict(source, device=device, actors=1)
    assert Path('out').exists() == (error is DeviceError)  # the model was loaded
