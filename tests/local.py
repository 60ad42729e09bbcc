"""Commands, a full disk, and web servers on this machine."""

import resource
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

Server = TypeVar('Server', bound=ThreadingHTTPServer)


def call(*command: object, **options: object) -> subprocess.CompletedProcess:
    """Run a command to its end; what it printed is text."""
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, **options)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let this process write no file beyond ``size`` bytes, as on a full disk.

    Only around the write: standard output may be a file, too.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Quiet:
    """A handler of requests that logs nothing."""

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class QuietFiles(Quiet, SimpleHTTPRequestHandler):
    """A handler that serves a folder."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve while the block runs."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Serve the files of a folder while the block runs; give their address."""
    handler = partial(QuietFiles, directory=str(folder))
    with serving(ThreadingHTTPServer(('127.0.0.1', 0), handler)) as server:
        yield f'http://127.0.0.1:{server.server_port}'
