"""Damaged and hostile files through the package, and how an outcome is told."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import harmful_work
import pytest

from benchmarks.robustness import Case, Worker, attempt
from mmseg_deeplab.utils.errors import InputError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('ends', 'outcome'),
    [
        ('right', 'right'),
        ('wrong', 'silently wrong'),
        (SystemExit('error: x.py: no'), 'clear error'),
        (SystemExit('error: a\nb'), 'raw error'),
        (InputError('file.png: broken'), 'clear error'),
        (InputError('broken'), 'raw error'),  # it names no file
        (KeyError('x'), 'raw error'),
    ],
)
def test_how_an_outcome_is_told(tmp_path, ends, outcome):
    def trial(folder: Path, random: Random) -> str:
        if isinstance(ends, BaseException):
            raise ends
        return ends

    assert attempt((1, trial, True), tmp_path, 0)[0] == outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ('harm', 'seconds', 'why'),
    [
        (harmful_work.die, 60, 'died'),
        (harmful_work.hang, 1, 'more than 1 s'),
        (harmful_work.grow, 60, 'more than 1024 MB'),
    ],
)
def test_a_process_that_harms_is_ended(tmp_path, harm, seconds, why):
    worker = Worker(tmp_path, seconds, harm)
    outcome, found = worker.run(Case('any', 0))
    assert outcome == 'crash or hang' and why in found
    assert worker.process is None


@pytest.mark.slow
def test_a_twentieth_of_all_cases_shows_no_fault():
    command = [sys.executable, '-m', 'benchmarks', 'robustness', '--fraction', '0.05']
    done = subprocess.run(
        [*command, '--seconds', '300'],
        cwd=ROOT,
        env=os.environ | {'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert '| all | ' in done.stdout
