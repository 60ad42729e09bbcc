"""Freed memory stays with the process."""

import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from mmseg_deeplab.utils.freed_memory import keep_freed_memory
if sys.argv[1] == 'kept':
    print(keep_freed_memory())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**23)
before = faults()
np.ones(2**23)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='mallopt is of glibc')
def test_the_second_block_costs_no_page_faults():
    found = {}
    for setting in ('plain', 'kept'):
        command = [sys.executable, '-c', COUNT, setting]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[setting] = done.stdout.split()
    keeps, faults = found['kept']
    assert keeps == 'False' or int(faults) < 16 < int(found['plain'][0])
