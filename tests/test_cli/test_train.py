"""``tools/train.py`` and ``tools/test.py``: MMSeg's interface, clear complaints."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from training import ROOT, TEST, TRAIN, Server, write_config


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


def test_training_leaves_checkpoint_config_and_log(trained):
    names = {path.name for path in (trained / 'run').iterdir()}
    assert {'iter_2.pth', 'tiny.py', 'last_checkpoint'} <= names
    assert len(list((trained / 'run').glob('*/vis_data/scalars.json'))) == 1


def test_test_writes_metrics_masks_and_painted_images(server, trained, tmp_path):
    out = ('--out', tmp_path / 'masks', '--show-dir', tmp_path / 'painted')
    assert 'mIoU' in evaluate(server, trained, tmp_path, *out)
    masks = sorted((tmp_path / 'masks').iterdir())
    assert [path.name for path in masks] == [f'{i}.png' for i in range(8)]
    assert cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED).shape == (32, 64)
    assert len(list((tmp_path / 'painted').rglob('*.png'))) == 8


@pytest.mark.parametrize(
    ('switch', 'written'),
    [
        ('--crf', "type='DenseCRF'"),
        ('--msc', "type='MultiScaleEncoderDecoder'"),
        ('--fast', "type='InferenceSpeedHook'"),
    ],
)
def test_a_switch_changes_how_the_network_predicts(
    server, trained, tmp_path, switch, written
):
    assert 'mIoU' in evaluate(server, trained, tmp_path, switch)
    assert written in (tmp_path / 'tiny.py').read_text()


def test_tta_averages_the_views(server, trained, tmp_path):
    log = evaluate(server, trained, tmp_path, '--tta', '--out', tmp_path / 'masks')
    assert 'mIoU' in log
    assert len(list((tmp_path / 'masks').iterdir())) == 8


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
    config = write_config(tmp_path, iters=1, extra=RENDERED)
    log = tmp_path / 'log'
    server.run(TRAIN, config, '--work-dir', tmp_path, log=log)
    painted = tmp_path / 'painted'
    code = server.run(
        TEST, config, tmp_path / 'iter_1.pth', '--work-dir', tmp_path, *tta,
        '--show-dir', painted, log=log,
    )  # fmt: skip
    assert code == 0, log.read_text()
    pictures = sorted(painted.rglob('*.png'))
    assert len(pictures) == 2
    from mmseg_deeplab.datasets import SyntheticStreets

    scene = SyntheticStreets(split='val', num_images=2, size=(64, 128))[0]['img']
    truth = cv2.imread(str(pictures[0]))[:, :128]  # left half: truth over the image
    match = np.corrcoef(truth.ravel(), scene.ravel())[0, 1]
    assert match > np.corrcoef(truth.ravel(), scene[:, ::-1].ravel())[0, 1] + 0.1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((TRAIN, 'no.py'), r"config 'no\.py': there is no such file"),
        ((TEST, 'no.py', 'x'), r"config 'no\.py': there is no such file"),
        ((TEST, '{config}', 'no.pth'), r"checkpoint 'no\.pth' does not exist"),
        (
            (TRAIN, '{config}', '--cfg-options', 'load_from=no.pth'),
            r"checkpoint 'no\.pth' does not exist",
        ),
        (
            (TRAIN, '{config}', '--resume', '--cfg-options', 'load_from=no.pth'),
            r"checkpoint 'no\.pth' does not exist",
        ),
        (
            (
                *(TRAIN, '{config}', '--cfg-options'),
                'train_dataloader.dataset.data_root=no/data',
            ),
            r"train_dataloader: data_root 'no/data' of BaseSegDataset .*data_root=",
        ),
        ((TRAIN, '{config}', '--launcher', 'pytorch'), r'RANK is not set'),
        (
            (TRAIN, '{config}', '--cfg-options', 'model.decode_head.num_classes=5'),
            r'num_classes=5, but the data set \(train: BaseSegDataset\) has 3',
        ),
    ],
)
def test_a_mistake_is_one_line(server, trained, arguments, message):
    argv = [str(a).format(config=trained / 'tiny.py') for a in arguments]
    log = trained / 'mistake.log'
    assert server.run(*argv, log=log) == 1
    (line,) = [x for x in log.read_text().splitlines() if x.startswith('error: ')]
    assert 'Traceback' not in log.read_text()
    assert re.search(message, line)


def test_a_checkpoint_that_runs_code_is_refused(server, trained, tmp_path):
    class Code:
        def __reduce__(self):
            return print, ('code was run',)

    torch.save({'state_dict': {}, 'code': Code()}, tmp_path / 'evil.pth')
    log = tmp_path / 'log'
    command = (TEST, trained / 'tiny.py', tmp_path / 'evil.pth')
    assert server.run(*command, '--work-dir', tmp_path, log=log) == 1
    assert 'refused' in log.read_text()
    assert 'code was run' not in log.read_text()


@pytest.mark.slow
def test_the_default_work_dir_is_made_where_one_stands(trained, tmp_path):
    """A process of its own, in another folder, as a user starts it."""
    done = subprocess.run(
        [sys.executable, ROOT / 'tools' / 'train.py', trained / 'tiny.py'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'work_dirs' / 'tiny' / 'iter_2.pth').is_file()
