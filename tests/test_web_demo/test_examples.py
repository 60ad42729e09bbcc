"""Images that the page offers."""

import numpy as np
import pytest
from PIL import Image

from mmseg_deeplab.datasets.street_scenes import render_scene
from mmseg_deeplab.web_demo import Limits, folder_examples, street_examples
from mmseg_deeplab.web_demo.examples import NUM_EXAMPLES

STREETS = 'configs/deeplabv2_r26_synthetic_streets.py'


def test_street_scenes_are_those_of_the_test_split(root):
    examples = street_examples(str(root / STREETS))
    assert len(examples) == NUM_EXAMPLES
    bgr, _ = render_scene('val', 3, (128, 256), 0)
    assert (examples['scene_3.png'][..., ::-1] == bgr).all()


def test_other_models_have_no_scenes(root):
    assert street_examples(str(root / 'configs' / 'deeplabv2_r50_camvid.py')) == {}
    assert street_examples(None) == {}


def test_a_folder_gives_its_first_images(tmp_path):
    for index in range(NUM_EXAMPLES + 1):
        Image.fromarray(np.full((4, 5), index, np.uint8)).save(
            tmp_path / f'{index}.png'
        )
    (tmp_path / 'notes.txt').write_text('')
    examples = folder_examples(tmp_path)
    assert list(examples) == [f'{i}.png' for i in range(6)]
    assert (examples['5.png'] == 5).all()


@pytest.mark.parametrize('folder', ['none', '.'])
def test_a_folder_without_images_is_refused(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match='no image in it'):
        folder_examples(tmp_path / folder)


@pytest.mark.parametrize('option', ['megabytes', 'megapixels', 'queue_size'])
@pytest.mark.parametrize('value', [0, -1, float('nan')])
def test_limits_are_positive(option, value):
    with pytest.raises(ValueError, match=f'{option} is a limit above 0'):
        Limits(**{option: value})
