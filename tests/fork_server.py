"""Fork one child per request line: see ``training.Server``."""

import atexit
import faulthandler
import gc
import json
import os
import runpy
import signal
import sys
import threading
import time

import matplotlib.pyplot  # noqa: F401
import torch._dynamo  # noqa: F401
from yapf.yapflib import yapf_api

import mmseg_deeplab.inference.network  # noqa: F401

# As in conftest.py.
yapf_api.FormatCode = lambda text, **_: (text, False)


def run(request: dict) -> None:
    """Run the tool in this process, with its arguments, environment and output."""
    log = os.open(request['log'], os.O_WRONLY | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    faulthandler.enable()  # a crash leaves a trace in the log
    os.setsid()
    os.environ.update(request['env'])
    os.chdir(request.get('cwd', '.'))
    sys.argv = request['argv']
    runpy.run_path(sys.argv[0], run_name='__main__')
    leave()


def leave() -> None:
    """End a child as Python does, but leave its memory to the system.

    Freeing what was imported touches, and so copies, most of the memory: one second.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def wait(pid: int, timeout: float) -> int:
    """Return the exit code of a child, which is killed if it takes too long."""
    end = time.monotonic() + timeout
    while not (done := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(done[1])


def main() -> None:
    """Answer a run with the child's process id, a wait with its exit code."""
    # At its end a child looks for garbage in all that was imported, which copies the
    # memory: two seconds each, a quarter of that with frozen objects.
    gc.freeze()
    for line in iter(sys.stdin.readline, ''):
        request = json.loads(line)
        if 'wait' in request:
            answer = wait(request['wait'], request['timeout'])
        elif (answer := os.fork()) == 0:
            run(request)
            return
        print('answer', answer, flush=True)


if __name__ == '__main__':
    main()
