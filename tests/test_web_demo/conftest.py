"""A small trained model for the page, and what the page does with it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from training import train_here, write_config

from mmseg_deeplab.inference import ModelSource
from mmseg_deeplab.web_demo import DemoModel, open_models
from mmseg_deeplab.web_demo.page import Predictions


@pytest.fixture(scope='session')
def sources(tmp_path_factory) -> list[ModelSource]:
    """Return one network at two points of its training."""
    folder = tmp_path_factory.mktemp('trained')
    fast = "optim_wrapper['optimizer'].update(lr=0.1)"
    config = write_config(folder, iters=30, interval=15, extra=fast)
    train_here(config, folder)
    return [ModelSource(str(config), str(folder / f'iter_{i}.pth')) for i in (30, 15)]


@pytest.fixture(scope='session')
def models(sources) -> dict[str, DemoModel]:
    return open_models(sources)


@pytest.fixture
def predictions(models, tmp_path) -> Predictions:
    return Predictions(models, max_pixels=20_000, folder=tmp_path / 'downloads')


@pytest.fixture(scope='session')
def image_file(sources, tmp_path_factory) -> Path:
    """Return a 96x128 image of squares that lie aside of the network's grid."""
    folder = Path(sources[0].config).parent / 'data' / 'images'
    tiles = [cv2.imread(str(folder / f'{index}.png')) for index in range(6)]
    rows = [np.hstack(tiles[first : first + 2]) for first in (0, 2, 4)]
    path = tmp_path_factory.mktemp('images') / 'squares.png'
    cv2.imwrite(str(path), np.roll(np.vstack(rows), (10, 20), axis=(0, 1)))
    return path
