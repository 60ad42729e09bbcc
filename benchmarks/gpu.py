"""``gpu``: the tests on a GPU, then the benchmarks, in minutes.

Each part is a process of its own with a limit of time, and each row is written as soon
as it is measured: what breaks or takes too long costs its own rows only.
"""

import os
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch

from mmseg_deeplab.utils.errors import InputError

from .report import END, START, describe_machine, machine_text, write_into

HELP = 'run the tests on a GPU and write docs/benchmarks_gpu.md'
# Name of the result, options, limit in seconds. The limits sum up to eight minutes.
PARTS = {
    'ops': (['ops', '--quick'], 50),
    'train': (
        ['train', '--only', 'v3plus_r50', '--variants', 'lean', 'fast', 'float16'],
        60,
    ),
    'infer': (
        ['infer', '--only', 'v3plus_r50', 'v3plus_r50_batch8', '--variants', 'fast'],
        50,
    ),
    'eval': (['eval', '--quick'], 60),
    'crf': (['crf', '--only', '21x375x500'], 60),
    'compile': (['train', '--only', 'v3plus_r50', '--variants', 'compile'], 60),
}
TESTS_LIMIT = 140
TITLES = {
    'ops': 'Functions of `mmseg_deeplab.ops`',
    'train': 'Training steps',
    'infer': 'Predictions',
    'eval': 'A whole evaluation',
    'crf': 'The CRF, against pydensecrf on one thread of the CPU',
    'compile': 'A compiled training step',
}
PAGE = """# Benchmarks on a GPU

`make gpu` wrote this page. Stock is MMSegmentation on the same device, in the same run.
Times have PyTorch's defaults, so that convolutions use TF32 on both sides; results are
compared without TF32.

{parts}
"""


def blank_page() -> str:
    """Return the page without its tables."""
    names = {'machine and tests': 'Machine and tests'} | {
        f'benchmark {name}_cuda': title for name, title in TITLES.items()
    }
    parts = [
        f'## {title}\n\n{START.format(name)}\n{END.format(name)}'
        for name, title in names.items()
    ]
    return PAGE.format(parts='\n\n'.join(parts))


def run_part(command: list[str], log: Path, limit: float) -> str:
    """Run a command and return how it ended; what it prints goes to a file."""
    begin = time.monotonic()
    with log.open('w') as out:
        try:
            code = subprocess.run(
                [sys.executable, *command],
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=limit,
                env={**os.environ, 'PYTHONUNBUFFERED': '1'},
            ).returncode
        except subprocess.TimeoutExpired:
            return f'stopped after {limit:.0f} s'
    ending = 'ended' if code == 0 else f'FAILED ({code})'
    return f'{ending} after {time.monotonic() - begin:.0f} s'


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu'))
    parser.add_argument(
        '--document', type=Path, default=Path('docs/benchmarks_gpu.md'), help='the page'
    )
    parser.add_argument('--device', default='cuda', help='(%(default)s)')


def run(args: Namespace) -> None:
    """Run the tests, then each benchmark; the page is written from the start."""
    device = torch.device(args.device)
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise InputError('make gpu: PyTorch finds no GPU')
    args.out.mkdir(parents=True, exist_ok=True)
    args.document.write_text(blank_page())
    tests = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-m', 'device or gpu']
    log = args.out / 'tests.log'
    ended = run_part([*tests, '--device', args.device, 'tests'], log, TESTS_LIMIT)
    last = (log.read_text().strip().splitlines() or ['no output'])[-1].strip('= ')
    text = f'{machine_text(describe_machine(device))}.\n\nTests: {last} ({ended}).'
    write_into(args.document, 'machine and tests', text)
    print(text, flush=True)
    for name, (options, limit) in PARTS.items():
        command = ['-m', 'benchmarks', *options, '--device', args.device]
        command += ['--name', name, '--out', str(args.out), '--rounds', '2']
        command += ['--seconds', '0.3', '--document', str(args.document)]
        log = args.out / f'{name}.log'
        print(f'{name}: {run_part(command, log, limit)}; {log}', flush=True)
