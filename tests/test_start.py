"""What an import and a start of the command cost, print and make safe."""

import os
import re
import runpy
import sys
from pathlib import Path

import pytest
from local import call

from mmseg_deeplab.cli import COMMANDS, command_parser, import_command
from mmseg_deeplab.registration import quiet_import

ROOT = Path(__file__).resolve().parents[1]


def python(code: str, *arguments: str) -> str:
    """Run code in a process of its own and return all that it printed."""
    env = os.environ | {'PYTHONPATH': str(ROOT)}
    done = call(sys.executable, '-c', code, *arguments, env=env, check=True)
    return done.stdout + done.stderr


def test_no_help_imports_torch():
    code = """
import contextlib, io, sys
from mmseg_deeplab.cli import COMMANDS, main
for arguments in [[], *([command] for command in COMMANDS)]:
    sys.argv = ['mmseg-deeplab', *arguments, '--help']
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main()
print({'torch', 'mmengine', 'numpy'} & set(sys.modules))
"""
    assert python(code) == 'set()\n'


@pytest.mark.parametrize('command', COMMANDS)
def test_the_help_of_each_command_opens_with_an_example(command):
    usage = command_parser(command).format_help().split('\n')[0]
    assert usage.startswith(f'usage: mmseg-deeplab {command} ')


TOOLS = sorted((ROOT / 'tools').rglob('*.py'))


@pytest.mark.parametrize('tool', TOOLS, ids=lambda tool: tool.stem)
def test_a_tool_is_the_command_that_it_names(tool, monkeypatch, capsys):
    command = re.search(r'mmseg-deeplab [\w-]+', tool.read_text())[0]
    monkeypatch.setattr(sys, 'argv', [str(tool), '--help'])
    with pytest.raises(SystemExit):
        runpy.run_path(str(tool), run_name='__main__')
    assert capsys.readouterr().out.startswith(f'usage: {command} ')


def test_choices_of_the_commands_are_those_of_the_package():
    from mmseg_deeplab import export
    from mmseg_deeplab.checkpoints import SOURCES
    from mmseg_deeplab.config import class_balance
    from mmseg_deeplab.datasets.street_layouts import LAYOUTS

    assert list(import_command('convert').SOURCES) == sorted(SOURCES)
    assert set(import_command('draw-streets').LAYOUTS) == set(LAYOUTS)
    assert tuple(class_balance.METHODS) == import_command('class-weights').METHODS
    commands = import_command('export')
    assert tuple(export.FORMATS) == commands.FORMATS
    assert tuple(export.OUTPUTS) == commands.OUTPUTS
    assert tuple(export.METHODS) == commands.CALIBRATION_METHODS


BUILDS = """
import mmseg_deeplab
from mmseg.registry import DATASETS, HOOKS, METRICS, MODELS, OPTIMIZERS, RUNNERS
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, TRANSFORMS, VISBACKENDS
DATASETS.build(dict(type='SyntheticStreets', num_images=1, size=(32, 64)))
MODELS.build(dict(type='ResNetMulti', depth=26, base_channels=8))
METRICS.build(dict(type='SegmentationMetric'))
HOOKS.build(dict(type='MeanLossHook'))
assert TRANSFORMS.get('LoadCheckedImage') and OPTIMIZERS.get('DecoupledSGDW')
assert RUNNERS.get('ResumableRunner') and VISBACKENDS.get('IterationWandbVisBackend')
assert OPTIM_WRAPPER_CONSTRUCTORS.get('DeepLabOptimWrapperConstructor')
"""


# Some tools import a package and take it out again, to find out where it lies.
TWICE = """
import sys, mmseg_deeplab
for name in [name for name in sys.modules if name.startswith('mmseg_deeplab')]:
    del sys.modules[name]
"""


@pytest.mark.slow
@pytest.mark.parametrize('before', ['', 'import mmseg.models, mmseg.datasets\n', TWICE])
def test_the_import_registers_everything(before):
    python(before + BUILDS)


PACKAGES = 'mmengine.model mmengine.runner mmseg.apis mmseg.visualization mmcv.cnn'


@pytest.mark.slow
@pytest.mark.parametrize('name', PACKAGES.split())
def test_any_package_may_be_imported_next(name):
    assert python(f'import mmseg_deeplab, {name}') == ''


IMPORTED = pytest.param(
    'import torch, mmengine.runner, mmseg.models', marks=pytest.mark.slow
)
BEFORE_AND_AFTER = pytest.mark.parametrize('first', ['', IMPORTED], ids=['', 'after'])

# Each line is a loader that by itself would run the code in a file.
LOADERS = """
load_checkpoint(torch.nn.Linear(1, 1), attack)
CheckpointLoader.load_checkpoint(attack)
CheckpointLoader.load_checkpoint('http://127.0.0.1:1/' + hashed)
CheckpointLoader.load_checkpoint('https://127.0.0.1:1/' + hashed)
CheckpointLoader.load_checkpoint('torchvision://resnet18')
CheckpointLoader.load_checkpoint('s3://bucket/attack.pth')
initialize(torch.nn.Sequential(), dict(type='Pretrained', checkpoint=attack))
torch.load(attack)
torch.load(attack, weights_only=False)
torch.hub.load_state_dict_from_url('file://' + attack)
torch.utils.model_zoo.load_url('file://' + attack)
load_url('file://' + attack)
mmengine.load('attack.pkl')
mmengine.load('attack.pickle')
mmengine.load(open('attack.pkl', 'rb'), file_format='pkl')
mmengine.load('attack.yaml')
mmengine.load('attack.yml')
mmengine.fileio.load('attack.pkl', backend_args=dict(backend='local'))
mmengine.Config.fromfile('attack.yaml')
get_class_weight('attack.pkl')
get_class_weight('attack.yaml')
"""
BEFORE = """
import hashlib, os, pickle, shutil, sys
{first}
import mmseg_deeplab
import mmengine, mmengine.fileio, torch, torch.utils.model_zoo
from mmengine.model import initialize
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmengine.utils.dl_utils import load_url
from mmseg.models.losses.utils import get_class_weight
from mmengine.fileio import LocalBackend, register_backend

class Attack:
    def __reduce__(self):
        return os.mkdir, ('owned',)

@register_backend('petrel', prefixes='s3', force=True)
class Backend(LocalBackend):
    def get_local_path(self, path):
        return super().get_local_path(path.removeprefix('s3://bucket/'))

attack = os.path.abspath('attack.pth')
torch.save(dict(state_dict={{}}, x=Attack()), attack)
for name in ('attack.pkl', 'attack.pickle'):
    with open(name, 'wb') as file:
        pickle.dump(dict(x=Attack()), file)
for name in ('attack.yaml', 'attack.yml'):
    with open(name, 'w') as file:
        file.write('x: !!python/object/apply:os.mkdir [owned]')
cache = os.path.join(torch.hub.get_dir(), 'checkpoints')
os.makedirs(cache)
with open(attack, 'rb') as file:
    hashed = f'attack-{{hashlib.sha256(file.read()).hexdigest()[:8]}}.pth'
for name in (hashed, 'resnet18-f37072fd.pth'):
    shutil.copy(attack, os.path.join(cache, name))  # as if downloaded before
for line in sys.argv[1].strip().splitlines():
    try:
        eval(line)
        print('was read:', line)
    except Exception as error:
        print('refused by', type(error).__name__)
    if os.path.exists('owned'):
        os.rmdir('owned')
        print('ran code:', line)
"""


@BEFORE_AND_AFTER
def test_no_loader_runs_code_after_the_import(tmp_path, monkeypatch, first):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('MMSEG_DEEPLAB_HOME', str(tmp_path / 'cache'))
    printed = python(BEFORE.format(first=first), LOADERS)
    assert not re.findall('(?:was read|ran code): .*', printed)
    refused = re.findall('refused by (.*)', printed)
    assert len(refused) == len(LOADERS.strip().splitlines())
    assert set(refused) == {'InputError', 'UnpicklingError', 'ConstructorError'}


def test_what_an_import_prints_goes_through_but_for_a_note(capsys):
    """Also where imports of two threads overlap, and later by what keeps the stream."""
    stdout, first, second = sys.stdout, quiet_import(), quiet_import()
    with first:
        second.__enter__()
        kept = sys.stdout
        print('Could not import OneDL')
        print('one', end='')
    print(' two', file=kept)
    second.__exit__(None, None, None)
    assert sys.stdout is stdout
    assert capsys.readouterr().out == 'one two\n'


@pytest.mark.slow
def test_progress_bars_of_mmengine_are_printed():
    code = 'import mmseg_deeplab, mmengine; print(*mmengine.track_iter_progress([7]))'
    assert '1/1' in python(code)


@BEFORE_AND_AFTER
def test_the_import_prints_nothing_and_reads_data(tmp_path, monkeypatch, first):
    code = f"""
{first}
import mmseg_deeplab, mmengine, pickle, mmseg.datasets, mmseg.models, mmseg.engine
import numpy as np
data = dict(a=[1, 2.5, 'text', None, (True, b'x')], b=np.arange(6).reshape(2, 3).T)
for protocol in range(2, 5):
    with open('data.pkl', 'wb') as file:
        pickle.dump(data, file, protocol)
    read = mmengine.load('data.pkl')
    assert read['a'] == data['a'] and (read['b'] == data['b']).all(), read
mmengine.dump(dict(a=[1, 2.5]), 'data.yaml')
assert mmengine.load('data.yaml') == dict(a=[1, 2.5])
"""
    monkeypatch.chdir(tmp_path)
    assert python(code) == '' or first
