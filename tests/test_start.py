"""What an import and a start of the command cost, print and make safe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_deeplab.cli import COMMANDS, command_parser, import_command

ROOT = Path(__file__).resolve().parents[1]


def python(code: str, *arguments: str) -> str:
    """Run code in a process of its own and return all that it printed."""
    done = subprocess.run(
        [sys.executable, '-c', code, *arguments],
        env=os.environ | {'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


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
IMPORT = 'import mmseg_deeplab\n'


@pytest.mark.slow
@pytest.mark.parametrize('before', ['', 'import mmseg.models, mmseg.datasets\n'])
def test_the_import_registers_everything(before):
    python(before + IMPORT + BUILDS)


def test_the_import_prints_nothing():
    assert python(IMPORT + 'import mmseg.datasets, mmseg.models, mmseg.engine') == ''


@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    [
        'mmengine.model',
        'mmengine.runner',
        'mmseg.apis',
        'mmseg.visualization',
        'mmcv.cnn',
    ],
)
def test_any_package_may_be_imported_next(name):
    assert python(f'import mmseg_deeplab, {name}') == ''


def test_no_loader_runs_code_after_the_import(tmp_path):
    attack = tmp_path / 'attack.pth'
    code = f"""
import os, torch
class Attack:
    def __reduce__(self):
        return os.mkdir, ({str(tmp_path / 'run')!r},)
torch.save(dict(state_dict={{}}, x=Attack()), {str(attack)!r})
import mmseg_deeplab
from mmengine.runner import load_checkpoint
for load in (
    lambda: load_checkpoint(torch.nn.Linear(1, 1), {str(attack)!r}),
    lambda: torch.load({str(attack)!r}, weights_only=False),
):
    try:
        load()
    except Exception as error:
        print(type(error).__name__)
"""
    assert python(code).split('\n')[-3:-1] == ['InputError', 'UnpicklingError']
    assert not (tmp_path / 'run').exists()
