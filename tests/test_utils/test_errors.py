"""Errors that are messages to the user, and those that are not."""

import sys
from pathlib import Path

import pytest
from local import call
from torch.utils.data import DataLoader

import mmseg_deeplab
from mmseg_deeplab.utils.errors import (
    TRACEBACK,
    DeviceError,
    InputError,
    MissingPackageError,
    one_line_errors,
)

# Its functions take tensors, and their callers are programs.
OPERATORS = ('ops/', 'models/postprocess/crf_inputs.py')


def test_the_package_raises_input_errors():
    package = Path(mmseg_deeplab.__file__).parent
    others = [
        path.name
        for path in package.rglob('*.py')
        if 'raise ValueError(' in path.read_text(encoding='utf-8')
        and not path.relative_to(package).as_posix().startswith(OPERATORS)
    ]
    assert not others, f'take InputError for what a user has given: {others}'


@pytest.mark.parametrize('kind', [InputError, MissingPackageError, FileNotFoundError])
def test_a_users_mistake_ends_the_program_with_one_line(kind):
    message = r'^error: what and remedy$'
    with pytest.raises(SystemExit, match=message), one_line_errors():
        raise kind('what\nand remedy')


@pytest.mark.parametrize('kind', [ValueError, TypeError, ImportError, KeyError])
def test_a_fault_of_the_program_keeps_its_traceback(kind):
    with pytest.raises(kind), one_line_errors():
        raise kind


def test_a_variable_shows_every_traceback(monkeypatch):
    monkeypatch.setenv(TRACEBACK, '1')
    with pytest.raises(InputError), one_line_errors():
        raise InputError('what')


def test_an_error_of_the_system_names_the_file_and_a_remedy(tmp_path):
    message = f'^error: {tmp_path}: Is a directory; give a file$'
    with pytest.raises(SystemExit, match=message), one_line_errors():
        tmp_path.read_text()


class Broken:
    def __len__(self):
        return 1

    def __getitem__(self, index):
        try:
            raise InputError('inner: cause')
        except InputError as error:
            raise InputError('a.png: is broken\nRemedy: mend it') from error


def test_an_error_in_a_worker_of_a_data_loader_is_its_message_alone():
    message = r'^error: a\.png: is broken Remedy: mend it$'
    with pytest.raises(SystemExit, match=message), one_line_errors():
        next(iter(DataLoader(Broken(), num_workers=1)))


def test_a_fault_of_the_device_has_a_status_of_its_own(capsys):
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise DeviceError('out of memory')
    assert ended.value.code == 3
    assert capsys.readouterr().err == 'error: out of memory\n'


RANKS = """
import os, subprocess, sys, time
code = 'from mmseg_deeplab.utils.errors import *\\n'
code += 'print(flush=True), input()\\n'
code += 'with one_line_errors(): raise InputError("what")'
pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
ranks = []
for rank in range(3):
    env = os.environ | {'LOCAL_RANK': str(rank)}
    ranks.append(subprocess.Popen([sys.executable, '-c', code], env=env, **pipes))
for rank in ranks:
    rank.stdout.readline()
for rank in ranks:  # which are all ready, however busy the machine is
    rank.stdin.write(b'\\n')
while all(rank.poll() is None for rank in ranks):  # as torchrun does
    time.sleep(0.05)
for rank in ranks:
    rank.terminate()
    rank.wait()
"""


def test_of_several_processes_one_prints_a_mistake():
    done = call(sys.executable, '-c', RANKS)
    assert done.stderr == 'error: what\n'


def test_a_closed_pipe_is_no_error():
    code = (
        'from mmseg_deeplab.utils.errors import one_line_errors\n'
        'with one_line_errors():\n    for _ in range(10**5): print("line")'
    )
    done = call('bash', '-c', f"{sys.executable} -c '{code}' | head -1")
    assert (done.stdout, done.stderr) == ('line\n', '')
