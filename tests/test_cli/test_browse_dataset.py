"""The command browse: which images it writes, and that a seed repeats them."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training import ROOT

from mmseg_deeplab import cli

CONFIG = ROOT / 'configs' / 'deeplabv2_r26_synthetic_streets.py'
SMALL = ['--number', 2, '--draws', 3, '--cfg-options']
SMALL += [
    f'train_dataloader.dataset.{option}'
    for option in ('num_images=9', 'size=(64,128)', 'pipeline.2.crop_size=(32,64)')
]


def browse(out: Path, *options: object) -> dict[str, str]:
    """Run the command; return the digests of the images by their names."""
    cli.run('browse', [str(a) for a in (CONFIG, '--out', out, *options, *SMALL)])
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(out.iterdir())
    }


@pytest.fixture(scope='module')
def images(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    out = tmp_path_factory.mktemp('browse') / 'out'
    return out, browse(out)


def test_an_image_per_draw_and_a_grid(images):
    _, found = images
    draws = [f'{i:06d}_{i:06d}_{draw}.png' for i in (0, 8) for draw in (1, 2, 3)]
    assert list(found) == [*draws, 'sheet.png']


def test_a_seed_repeats_the_images_and_another_one_does_not(images):
    out, found = images
    assert len(set(found.values())) == len(found)  # nor are two draws alike
    assert browse(out.with_name('again')) == found
    assert browse(out.with_name('other'), '--seed', 7) != found


def test_originals_are_one_image_each_and_the_first_column_of_the_grid(
    images, tmp_path
):
    found = browse(tmp_path / 'out', '--stage', 'original')
    assert list(found) == ['000000_000000_1.png', '000008_000008_1.png', 'sheet.png']
    originals, grid = (
        np.asarray(Image.open(folder / 'sheet.png'))
        for folder in (tmp_path / 'out', images[0])
    )
    assert grid.shape[1] == originals.shape[1] + 3 * 264  # a column per draw
    np.testing.assert_array_equal(grid[:, :264], originals[:, :264])
