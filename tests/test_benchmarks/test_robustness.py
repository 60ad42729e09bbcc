"""Damaged and hostile files through the package, and how an outcome is told."""

import multiprocessing
import os
import sys
from pathlib import Path

import harmful_work
import pytest
from local import call

from benchmarks.robustness import Group, attempt, run_case
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
def test_how_an_outcome_is_told(ends, outcome):
    def trial(number: int) -> str:
        if isinstance(ends, BaseException):
            raise ends
        return ends

    assert attempt(Group(1, trial, True), 0)[0] == outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ('harm', 'seconds', 'why'),
    [
        (harmful_work.die, 60, 'died'),
        (harmful_work.hang, 1, 'more than 1 s'),
        (harmful_work.grow, 60, 'more than 1024 MB'),
    ],
)
def test_a_process_that_harms_is_ended(harm, seconds, why):
    name, outcome, found = run_case(('any', 0), seconds, harm)
    assert (name, outcome) == ('any 0', 'crash or hang') and why in found
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_twentieth_of_all_cases_shows_no_fault():
    command = (sys.executable, '-m', 'benchmarks', 'robustness', '--fraction', '0.05')
    env = os.environ | {'OMP_NUM_THREADS': '1'}
    done = call(*command, '--seconds', '300', cwd=ROOT, env=env)
    assert done.returncode == 0, done.stdout
    assert '| all | ' in done.stdout
