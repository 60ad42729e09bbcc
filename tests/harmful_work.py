"""What a case of ``python -m benchmarks robustness`` may do to its process."""

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path


def die(connection: Connection, folder: Path) -> None:
    connection.send('ready')
    connection.recv()
    os._exit(3)


def hang(connection: Connection, folder: Path) -> None:
    connection.send('ready')
    connection.recv()
    time.sleep(600)


def grow(connection: Connection, folder: Path) -> None:
    connection.send('ready')
    connection.recv()
    kept = b'x' * (3 << 29)
    time.sleep(600)
    del kept
