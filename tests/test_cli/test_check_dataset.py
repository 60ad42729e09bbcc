"""The command check-data: what it prints and writes, and its exit code."""

import json
from itertools import product

import cv2
import numpy as np
import pytest
from predicting import write_image

from mmseg_deeplab.cli import run


@pytest.fixture
def check(capsys):
    """Return a function that runs the command: exit status, output."""

    def check(*arguments: object) -> tuple[object, str]:
        with pytest.raises(SystemExit) as error:
            run('check-data', [*map(str, arguments), '--workers', '0'])
        return error.value.code, capsys.readouterr().out

    return check


@pytest.fixture
def camvid(tmp_path):
    """Return a folder of two pairs per split in the layout of the CamVid base."""
    label = np.arange(44, dtype=np.uint8).reshape(4, 11) % 11
    places = product(('train', 'val', 'test'), ('a.png', 'b.png'))
    for seed, (split, name) in enumerate(places):  # no two images are alike
        write_image(tmp_path / 'img_dir' / split / name, (4, 11), seed)
        (tmp_path / 'ann_dir' / split).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / 'ann_dir' / split / name), label)
    return tmp_path


@pytest.fixture
def args(root, camvid):
    config = root / 'configs/_base_/datasets/camvid.py'
    return config, '--cfg-options', f'data_root={camvid}'


def test_sound_data_sets_end_with_code_0(check, args):
    code, out = check(*args)
    assert code == 0
    for split in ('train', 'val', 'test'):
        assert f'== {split}: CamVidDataset: 2 images' in out
    assert '| 10 | bicyclist  |      8 | 9.091% |      2 |' in out
    assert '0 faults, 0 warnings' in out


def test_faults_end_with_code_1_and_are_written(check, args, camvid, tmp_path):
    cv2.imwrite(str(camvid / 'ann_dir/val/b.png'), np.full((4, 11), 11, np.uint8))
    (camvid / 'img_dir/test/a.png').write_bytes(b'')
    out_file = tmp_path / 'reports' / 'camvid.json'
    code, out = check(*args, '--out', out_file)
    assert code == 1
    assert '2 faults' in out
    written = json.loads(out_file.read_text())
    faults = {d['name'].split(':')[0]: d['faults'] for d in written['datasets']}
    assert [len(faults[split]) for split in ('train', 'val', 'test')] == [0, 1, 1]
    assert '11 (44 pixels)' in faults['val'][0]['message']
    assert faults['test'][0]['where'].endswith('img_dir/test/a.png')


def test_one_split_is_scanned_alone(check, args, camvid):
    (camvid / 'img_dir/test/a.png').write_bytes(b'')
    code, out = check(*args, '--split', 'val')
    assert code == 0
    assert 'train' not in out
