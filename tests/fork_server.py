"""What a :class:`training.Process` runs, forked from one that has imported much."""

import atexit
import faulthandler
import gc
import multiprocessing
import os
import runpy
import sys

from yapf.yapflib import yapf_api

PRELOADED = ['matplotlib.pyplot', 'torch._dynamo', 'mmseg_deeplab.inference.network']
PRELOADED += [__name__]

# As in conftest.py.
yapf_api.FormatCode = lambda text, **_: (text, False)
# A child that looked for garbage in all that was imported would copy the memory.
gc.freeze()


def run(argv: list[str], log: str, cwd: str, env: dict[str, str]) -> None:
    """Run a tool in this process, with its arguments, environment and output."""
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    faulthandler.enable()  # a crash leaves a trace in the log
    os.setsid()
    multiprocessing.set_start_method(None, force=True)  # the system's own
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = argv
    try:
        runpy.run_path(argv[0], run_name='__main__')
    finally:
        atexit._run_exitfuncs()
