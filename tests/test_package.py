"""The wheel is the whole product: built from the sdist, installed, used elsewhere."""

import json
import os
import shutil
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import cv2
import numpy as np
import pytest
from local import call
from training import few_streets

ROOT = Path(__file__).resolve().parents[1]
CONFIG = 'deeplabv2_r26_synthetic_streets'
LEFT_OUT = ('.git', '.venv', 'build', 'data', 'dist', 'site', 'work_dirs', '*.egg-info')


def output_of(*command: object, cwd: Path) -> str:
    """Run a command with nothing of the clone in its environment; return its output."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('PYTHON')}
    done = call(*command, cwd=cwd, env=env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def build(kind: str, source: Path, out: Path) -> Path:
    """Build an sdist or a wheel as pip does, and return its path."""
    code = f'import setuptools.build_meta as b; b.build_{kind}({str(out)!r})'
    output_of(sys.executable, '-c', code, cwd=source)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope='module')
def installed(tmp_path_factory) -> Path:
    """Return the scripts of an environment into which the wheel is installed."""
    folder = tmp_path_factory.mktemp('package')
    ignore = shutil.ignore_patterns(*LEFT_OUT)
    shutil.copytree(ROOT, folder / 'clone', symlinks=True, ignore=ignore)
    sdist = build('sdist', folder / 'clone', folder / 'sdist')
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter='data')
    wheel = build('wheel', folder / sdist.name[: -len('.tar.gz')], folder / 'wheel')
    venv.create(folder / 'venv')
    python = folder / 'venv' / 'bin' / 'python'
    get = 'import sysconfig; print(sysconfig.get_path("purelib"))'
    site = Path(output_of(python, '-c', get, cwd=folder).strip())
    # torch and all else come from here; the editable install of the clone does not.
    (site / 'dependencies.pth').write_text(sysconfig.get_path('purelib'))
    pip = [sys.executable, '-m', 'pip', '--python', python, 'install']
    options = ['--no-index', '--no-deps', '--ignore-installed', '--quiet']
    output_of(*pip, *options, wheel, cwd=folder)
    return folder / 'venv' / 'bin'


@pytest.mark.slow
def test_every_command_works_from_the_wheel(installed, tmp_path):
    def deeplab(*arguments: object) -> str:
        return output_of(installed / 'mmseg-deeplab', *arguments, cwd=tmp_path)

    where = 'import mmseg_deeplab; print(mmseg_deeplab.__file__)'
    python = installed / 'python'
    assert str(installed.parent) in output_of(python, '-c', where, cwd=tmp_path)
    assert 'tune-crf' in deeplab('--help')
    assert 'deeplabv3plus_r101_cityscapes' in deeplab('models', 'cityscapes')

    few = few_streets(4, (64, 128)).items()
    options = ['--cfg-options', *(f'{name}={value}' for name, value in few)]
    deeplab('train', CONFIG, '--mixin', 'ema', *options, 'train_cfg.max_iters=2')
    checkpoint = tmp_path / 'work_dirs' / CONFIG / 'iter_2.pth'
    assert 'mIoU' in deeplab('test', CONFIG, checkpoint, *options)

    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    deeplab('predict', CONFIG, checkpoint, 'image.png', '--out', 'predicted')
    assert list((tmp_path / 'predicted').rglob('image*.png'))

    exported = ('--format', 'torchscript', '--out', 'model.torchscript')
    deeplab('export', CONFIG, checkpoint, *exported)
    assert (tmp_path / 'model.torchscript').is_file()


@pytest.mark.slow
def test_the_wheel_holds_what_mim_looks_for(installed, tmp_path):
    code = (
        'import json; from importlib import metadata; '
        'print(json.dumps([str(f) for f in metadata.files("mmseg-deeplab")]))'
    )
    files = json.loads(output_of(installed / 'python', '-c', code, cwd=tmp_path))
    held = {f.split('.mim/')[1] for f in files if '.mim/' in f and '.pyc' not in f}
    configs = [p for p in (ROOT / 'configs').rglob('*') if p.suffix in ('.py', '.yml')]
    tools = [p for p in (ROOT / 'tools').rglob('*') if p.suffix in ('.py', '.sh')]
    expected = {str(p.relative_to(ROOT)) for p in configs + tools}
    assert held == expected | {'model-index.yml'}
    assert 'mmseg_deeplab/py.typed' in files
    assert not any(file.startswith(('benchmarks', 'tests')) for file in files)
