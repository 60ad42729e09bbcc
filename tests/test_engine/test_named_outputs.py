"""The masks of a test have the names of their images, and each its own."""

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from PIL import Image
from training import evaluate_here, write_config

from mmseg_deeplab.config import read_config


def run_test(folder):
    """Test random weights on the images in ``folder/data``."""
    config, checkpoint = folder / 'tiny.py', folder / 'a.pth'
    state = MODELS.build(read_config(config).model).state_dict()
    torch.save(dict(state_dict=state), checkpoint)
    evaluate_here(config, checkpoint, folder / 'run', out=folder / 'masks')


@pytest.fixture
def folder(tmp_path):
    """Make a data set in which two folders hold images of one name."""
    write_config(tmp_path)
    for kind in ('images', 'labels'):
        for index, place in enumerate(('a', 'b', 'b/c')):
            path = tmp_path / 'data' / kind / place / '0.png'
            path.parent.mkdir(parents=True)
            (tmp_path / 'data' / kind / f'{index}.png').rename(path)
        for path in (tmp_path / 'data' / kind).glob('*.png'):
            path.unlink()
    return tmp_path


def test_masks_are_named_as_the_images_lie_in_their_folder(folder):
    run_test(folder)
    found = sorted((folder / 'masks').rglob('*.png'))
    names = [path.relative_to(folder / 'masks').as_posix() for path in found]
    assert names == ['a/0.png', 'b/0.png', 'b/c/0.png']
    assert all(np.array(Image.open(path)).shape == (32, 64) for path in found)


def test_images_of_one_name_are_refused_before_the_first(folder):
    """0.png, 0.jpg and 0.jpg.png: the second keeps its suffix and is the third."""
    for kind in ('images', 'labels'):
        for name in ('0.jpg', '0.jpg.png'):
            (folder / 'data' / kind / 'a' / name).symlink_to('0.png')
    config = folder / 'tiny.py'
    config.write_text(
        config.read_text()
        + "other = dict(dataset, img_suffix='.jpg', seg_map_suffix='.jpg')\n"
        "both = dict(type='ConcatDataset', datasets=[dataset, other])\n"
        'test_dataloader = dict(test_dataloader, dataset=both)\n'
    )
    with pytest.raises(ValueError, match=r"0\.jpg.* both be written as 'a/0\.jpg'"):
        run_test(folder)
    assert not (folder / 'masks').exists()
