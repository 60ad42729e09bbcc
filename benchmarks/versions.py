"""``versions``: the core tests under other versions of Python and PyTorch.

Each pair gets an environment of its own with the tested set of packages, but for torch
and torchvision, for which pip finds the releases that fit.
"""

import os
import re
import shutil
import subprocess
from argparse import ArgumentParser, Namespace
from pathlib import Path

from .report import markdown_table, write_into

HELP = 'run the core tests under other versions of Python and PyTorch'
EXTRAS = ('tests', 'export', 'hub', 'images', 'timm', 'tuning', 'web')
CORE = [
    f'tests/test_{layer}'
    for layer in (
        'checkpoints', 'config', 'datasets', 'engine', 'evaluation', 'export',
        'inference', 'models', 'ops', 'utils',
    )
]  # fmt: skip
FORKS = ('onedl-mmcv', 'onedl-mmengine', 'onedl-mmpretrain', 'onedl-mmsegmentation')
UPSTREAM = (
    'mmcv-lite==2.1.0', 'mmengine==0.10.7', 'mmpretrain==1.2.0',
    'mmsegmentation==1.2.2', 'ftfy', 'regex',
)  # fmt: skip
# MMSegmentation imports mmcv's compiled operators, which no test of ours calls.
STAND_IN = """
def __getattr__(name):
    if name.startswith('__'):
        raise AttributeError(name)
    return None
"""
PYTHONS = [f'python3.{minor}' for minor in range(11, 15)]
NAMES = ('Python', 'torch', 'torchvision', 'numpy', 'OpenCV')
FOUND = """
import platform, torch, torchvision, numpy, cv2
modules = torch, torchvision, numpy, cv2
print(platform.python_version(), *(module.__version__ for module in modules))
"""


def install(python: str, torch: str, environment: Path) -> Path:
    """Make an environment with a release of torch; return its interpreter."""
    subprocess.run([python, '-m', 'venv', '--clear', environment], check=True)
    interpreter = environment / 'bin' / 'python'
    pins = Path('requirements/constraints.txt').read_text().splitlines()
    pins = [pin for pin in pins if not pin.startswith(('torch==', 'torchvision=='))]
    constraints = environment / 'constraints.txt'
    constraints.write_text('\n'.join([*pins, f'torch=={torch}']))
    pip = [interpreter, '-m', 'pip', 'install', '-q', '-c', constraints, '-e', '.']
    extras = [f'-rrequirements/{extra}.txt' for extra in EXTRAS]
    subprocess.run([*pip, *extras], check=True)
    return interpreter


def install_upstream(interpreter: Path) -> None:
    """Put OpenMMLab's own last releases in the place of the maintained forks."""
    pip = [interpreter, '-m', 'pip', '-q']
    subprocess.run([*pip, 'uninstall', '-y', *FORKS], check=True)
    subprocess.run([*pip, 'install', '--no-deps', *UPSTREAM], check=True)
    (package,) = interpreter.parents[1].glob('lib/python*/site-packages/mmcv')
    (package / '_ext.py').write_text(STAND_IN)


def run_tests(interpreter: Path, tests: list[str]) -> dict[str, str]:
    """Return what stands in the row of an environment: versions and the result."""
    found = subprocess.run(
        [interpreter, '-c', FOUND], text=True, stdout=subprocess.PIPE
    )
    row = dict(zip(NAMES, found.stdout.split(), strict=True))
    command = [interpreter, '-m', 'pytest', '-m', 'not slow', '-n', '2', *tests]
    run = subprocess.run(
        [*command, '--dist', 'loadfile'],
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        text=True,
        stdout=subprocess.PIPE,
    )
    environment = interpreter.parents[1]
    environment.with_name(f'{environment.name}.log').write_text(run.stdout)
    result = run.stdout.strip().splitlines()[-1].strip('= ')
    return row | {'tests': re.sub(r', \d+ warnings?| in .*', '', result)}


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        '--python',
        nargs='+',
        default=PYTHONS,
        help='those on this machine (%(default)s)',
    )
    parser.add_argument('--torch', nargs='+', default=['2.11.0', '2.14.1', '2.15.0'])
    parser.add_argument(
        '--upstream', action='store_true', help="OpenMMLab's own last releases"
    )
    parser.add_argument('--tests', nargs='+', default=CORE, help='(the core tests)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/versions'))
    parser.add_argument('--document', help='Markdown file that gets the table')


def run(args: Namespace) -> None:
    """Install and test each pair of versions; write the table after each."""
    rows = []
    for python in filter(shutil.which, args.python):
        for torch in args.torch:
            environment = args.out / f'{Path(python).name}_torch{torch}'
            try:
                interpreter = install(python, torch, environment)
                if args.upstream:
                    install_upstream(interpreter)
            except subprocess.CalledProcessError as error:
                rows.append(dict(Python=python, torch=torch, tests=f'failed: {error}'))
            else:
                rows.append(run_tests(interpreter, args.tests))
            shutil.rmtree(environment, ignore_errors=True)  # It holds 6 GB.
            columns = {
                name: lambda row, name=name: row.get(name, '-')
                for name in (*NAMES, 'tests')
            }
            text = markdown_table(columns, rows)
            print(text, flush=True)
            if args.document:
                write_into(args.document, 'versions', text)
