"""The lock of a folder, between processes."""

import subprocess
import sys

import pytest

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.folder_lock import folder_lock

HOLDER = """
import os, sys, time
from mmseg_deeplab.utils.folder_lock import folder_lock
with folder_lock(sys.argv[1], 'training'):
    if os.fork():
        print('held', flush=True)
    time.sleep(60)  # the child, too, like a worker that outlives its parent
"""


def test_a_held_lock_is_refused_and_ends_with_its_process(tmp_path):
    command = [sys.executable, '-c', HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == 'held\n'
        named = rf'another training is at work.*process {holder.pid} on .*Remedy'
        with (
            pytest.raises(InputError, match=named),
            folder_lock(tmp_path, 'training'),
        ):
            pass
        with folder_lock(tmp_path, 'test'):  # of another work
            pass
        holder.kill()
        holder.wait()
        with folder_lock(tmp_path, 'training'):
            pass
        holder.stdout.close()
