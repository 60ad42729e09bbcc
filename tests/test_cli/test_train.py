"""``tools/train.py`` and ``tools/test.py``: MMSeg's interface, clear complaints."""

import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from local import call
from mmseg.registry import MODELS
from PIL import Image
from training import TEST, TRAIN, Server, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.datasets import SyntheticStreets


@pytest.fixture(scope='module')
def trained(server: Server, tmp_path_factory) -> Path:
    """Return a folder with ``tiny.py`` and the result of training with it."""
    folder = tmp_path_factory.mktemp('trained')
    command = (TRAIN, write_config(folder, iters=2), '--work-dir', folder / 'run')
    assert server.run(*command, log=folder / 'log') == 0, (folder / 'log').read_text()
    return folder


def evaluate(server: Server, trained: Path, folder: Path, *options: object) -> str:
    """Test what was trained and return the log."""
    server.run(
        TEST, trained / 'tiny.py', trained / 'run' / 'iter_2.pth',
        '--work-dir', folder, *options, log=trained / 'log',
    )  # fmt: skip
    return (trained / 'log').read_text()


def test_test_writes_metrics_masks_and_painted_images(server, trained, tmp_path):
    out = ('--out', tmp_path / 'masks', '--show-dir', tmp_path / 'painted')
    assert 'mIoU' in evaluate(server, trained, tmp_path, *out)
    masks = sorted((tmp_path / 'masks').iterdir())
    assert [path.name for path in masks] == [f'{i}.png' for i in range(8)]
    assert np.shape(Image.open(masks[0])) == (32, 64)
    assert len(list((tmp_path / 'painted').rglob('*.png'))) == 8


def test_switches_change_how_the_network_predicts(server, trained, tmp_path):
    switches = ('--crf', '--msc', '--fast', '--tta', '--out', tmp_path / 'masks')
    assert 'mIoU' in evaluate(server, trained, tmp_path, *switches)
    assert len(list((tmp_path / 'masks').iterdir())) == 8
    types = set(re.findall(r"type='(\w+)'", (tmp_path / 'tiny.py').read_text()))
    expected = {'DenseCRF', 'MultiScaleEncoderDecoder', 'InferenceSpeedHook'}
    assert types >= expected | {'LeanTTAModel'}


RENDERED = """
view = [dict(type='LoadCheckedImage')]
label = [dict(type='LoadCheckedAnnotations', num_classes=8)]
model['decode_head'].update(num_classes=8)
test_dataloader['dataset'] = dict(
    type='SyntheticStreets', split='val', num_images=2, size=(64, 128),
    pipeline=[*view, *label, dict(type='PackSegInputs')])
tta_pipeline = [
    *view, dict(type='TestTimeAug', transforms=[
        [dict(type='RandomFlip', prob=1.0), dict(type='RandomFlip', prob=0.0)],
        [*label], [dict(type='PackSegInputs')]])]
train_dataloader['dataset'] = test_dataloader['dataset']
"""


@pytest.mark.parametrize('tta', [(), ('--tta',)])
def test_show_dir_paints_images_that_are_no_files(server, tmp_path, tta):
    config, log = write_config(tmp_path, extra=RENDERED), tmp_path / 'log'
    torch.save(MODELS.build(read_config(config).model).state_dict(), tmp_path / 'a.pth')
    painted = tmp_path / 'painted'
    code = server.run(
        TEST, config, tmp_path / 'a.pth', '--work-dir', tmp_path, *tta,
        '--show-dir', painted, log=log,
    )  # fmt: skip
    assert code == 0, log.read_text()
    pictures = sorted(painted.rglob('*.png'))
    assert len(pictures) == 2
    scene = SyntheticStreets(split='val', num_images=2, size=(64, 128))[0]['img']
    truth = cv2.imread(str(pictures[0]))[:, :128]  # left half: truth over the image
    match = np.corrcoef(truth.ravel(), scene.ravel())[0, 1]
    assert match > np.corrcoef(truth.ravel(), scene[:, ::-1].ravel())[0, 1] + 0.1


def test_a_checkpoint_that_runs_code_is_refused(server, trained, tmp_path):
    class Code:
        def __reduce__(self):
            return print, ('code was run',)

    torch.save({'state_dict': {}, 'code': Code()}, tmp_path / 'evil.pth')
    log = tmp_path / 'log'
    command = (TEST, trained / 'tiny.py', tmp_path / 'evil.pth')
    assert server.run(*command, '--work-dir', tmp_path, log=log) == 1
    (line,) = [x for x in log.read_text().splitlines() if x.startswith('error: ')]
    assert 'refused' in line and 'Traceback' not in log.read_text()
    assert 'code was run' not in log.read_text()


@pytest.mark.slow
def test_the_default_work_dir_is_made_where_one_stands(trained, tmp_path):
    """A process of its own, in another folder, as a user starts it."""
    done = call(sys.executable, TRAIN, trained / 'tiny.py', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'work_dirs' / 'tiny' / 'iter_2.pth').is_file()
