"""The command init, and train with a folder of data in the place of a config."""

import os
import sys
from shutil import copytree, rmtree
from subprocess import check_output

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from predicting import write_raster
from training import TRAIN

from benchmarks.membranes import draw_folder
from mmseg_deeplab.cli import run
from mmseg_deeplab.config.crop_checks import small_crop
from mmseg_deeplab.config.data_summary import summarise
from mmseg_deeplab.config.planned_config import initial_weights
from mmseg_deeplab.utils.errors import InputError


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Return a folder of small drawn slices."""
    folder = tmp_path_factory.mktemp('data') / 'cells'
    draw_folder(folder, num_train=2, num_val=1, size=64)
    return folder


def test_it_writes_a_config_with_reasons(folder, tmp_path, command):
    out = tmp_path / 'config.py'
    arguments = ('--budget', '20s', '--pretrained', 'none')
    assert f'train {out}' in command('init', folder, '--out', out, *arguments)
    cfg = Config.fromfile(out)
    assert cfg.train_dataloader.dataset.data_root == str(folder)
    assert cfg.model.decode_head.num_classes == 2
    assert cfg.train_dataloader.dataset.pipeline[3].crop_size == (64, 64)
    assert cfg.model.data_preprocessor.size == cfg.crop_size
    assert max(cfg.model.decode_head.dilations) <= 4
    assert cfg.train_cfg.max_iters > 0  # as the machine is at this moment
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_iters
    assert small_crop(cfg) is None
    assert out.read_text().count('\n# ') + out.read_text().count('\n    # ') >= 6


def test_the_summary_of_the_data_is_that_of_the_files(folder):
    data = summarise(folder)
    images = [cv2.imread(str(p), 0) for p in (folder / 'images/train').iterdir()]
    np.testing.assert_allclose(data.mean, np.mean(images))
    np.testing.assert_allclose(data.deviation, np.std(images))
    assert data.images == (2, 1)
    assert data.train_size == data.largest_size == (64, 64)
    assert data.thinnest[1] == 'membrane'
    assert data.weights is None


def test_a_single_class_is_refused(folder, tmp_path):
    copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / 'labels.txt').write_text('membrane')
    with pytest.raises(InputError, match=rf'{tmp_path}/labels\.txt: one class.*backgr'):
        summarise(tmp_path)


def test_a_folder_without_splits_is_told_how_to_split_it(folder, tmp_path):
    for kind in ('images', 'labels'):
        copytree(folder / kind / 'train', tmp_path / kind)
    (tmp_path / 'labels.txt').write_text('a\nb')
    with pytest.raises(InputError, match=f'mmseg-deeplab split {tmp_path}'):
        summarise(tmp_path)
    rmtree(tmp_path / 'images')
    (tmp_path / 'images').mkdir()
    with pytest.raises(InputError, match='data_root=FOLDER'):
        summarise(tmp_path)


def test_bands_that_would_be_left_out_are_refused(folder, tmp_path):
    copytree(folder, tmp_path, dirs_exist_ok=True)
    image = tmp_path / 'images/val/slice_00.png'
    image.unlink()
    form = dict(photometric='MINISBLACK', alpha='NO')
    write_raster(image.with_suffix('.tif'), np.zeros((4, 64, 64), np.uint8), **form)
    with pytest.raises(InputError, match=r'\.tif: has 4 bands.*channels=4'):
        summarise(tmp_path)


def test_a_file_that_is_no_checkpoint_is_refused_before_the_data(tmp_path):
    file = tmp_path / 'weights.pth'
    file.write_text('no weights')
    (tmp_path / 'labels.txt').write_text('a\nb')
    arguments = [str(tmp_path), '--out', str(tmp_path / 'c.py'), '--pretrained']
    with pytest.raises(SystemExit, match=r'weights\.pth'):
        run('init', [*arguments, str(file)])


def test_a_config_that_is_there_stays(folder, tmp_path):
    out = tmp_path / 'config.py'
    out.write_text('own = 1')
    with pytest.raises(SystemExit, match=r'config\.py: is there.*--overwrite'):
        run('init', [str(folder), '--out', str(out)])
    with pytest.raises(SystemExit, match='no such network'):  # the next check
        run('init', [str(folder), '--out', str(out), '--overwrite', '--model', 'x'])
    assert out.read_text() == 'own = 1'


def test_a_fault_in_the_data_ends_it(tmp_path):
    draw_folder(tmp_path, num_train=2, num_val=1, size=64)
    label = np.full((64, 64), 99, np.uint8)
    cv2.imwrite(str(tmp_path / 'labels/train/slice_01.png'), label)
    with pytest.raises(InputError, match=r'slice_01\.png.*check-data'):
        summarise(tmp_path)


def test_initial_weights_that_cannot_be_downloaded_are_said_with_the_options():
    checkpoint = 'http://127.0.0.1:9/weights.pth'
    backbone = dict(init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    base = Config(dict(model=dict(backbone=backbone)))
    with pytest.raises(InputError, match=r'127\.0\.0\.1.*--pretrained FILE.*none'):
        initial_weights(base, None)
    assert initial_weights(base, 'none') == 'none'


def test_options_of_a_plan_that_is_there_are_said_to_change_nothing(tmp_path, capsys):
    (tmp_path / 'w/init').mkdir(parents=True)
    planned = tmp_path / f'w/init/{tmp_path.name}.py'
    planned.touch()
    options = ['--resume', '--budget', '2h', '--work-dir', str(tmp_path / 'w')]
    with pytest.raises(SystemExit):  # that config is empty
        run('train', [str(tmp_path), *options])
    told = capsys.readouterr().err
    assert f'--budget changes nothing: --resume goes on with {planned}' in told


@pytest.mark.slow
def test_train_takes_a_folder_and_resumes_with_the_same_config(
    folder, tmp_path, server
):
    plan = ('--pretrained', 'none', '--budget', '20s')
    steps = ('--cfg-options', 'train_dataloader.num_workers=0')
    log = tmp_path / 'log.txt'
    for count in (2, 3):
        more = (*steps, f'train_cfg.max_iters={count}', '--work-dir', tmp_path / 'w')
        options = plan if count == 2 else ['--resume']
        code = server.run(TRAIN, folder, *more, *options, log=log)
        assert code == 0, log.read_text()
        assert (tmp_path / 'w' / f'iter_{count}.pth').is_file()
        planned = tmp_path / 'w' / 'init' / 'cells.py'
        text = planned.read_text()
        planned.write_text(text if count == 3 else f'# own\n{text}')
    assert planned.read_text().startswith('# own')


AT_FIRST_TORCH = """
import os, sys
class Finder:
    def find_spec(name, *_):
        if name == 'torch':
            print(os.environ.get('GOMP_SPINCOUNT'))
            sys.exit()
sys.meta_path.insert(0, Finder)
from mmseg_deeplab.cli import run
run('train', ['no_such_config'])
"""


@pytest.mark.parametrize(
    ('given', 'found'),
    [
        ({}, '10000'),
        (dict(GOMP_SPINCOUNT='7'), '7'),
        (dict(OMP_WAIT_POLICY='active'), 'None'),
    ],
)
def test_idle_threads_soon_sleep_unless_the_user_says_otherwise(given, found):
    names = ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')
    env = {k: v for k, v in os.environ.items() if k not in names} | given
    command = (sys.executable, '-c', AT_FIRST_TORCH)
    # OpenMP reads them when torch is imported.
    assert check_output(command, env=env, text=True).strip() == found
