"""What a case of ``python -m benchmarks robustness`` may do to its process."""

import os
import time
from multiprocessing.connection import Connection


def die(connection: Connection, *case: object) -> None:
    connection.send('ready')
    os._exit(3)


def hang(connection: Connection, *case: object) -> None:
    connection.send('ready')
    time.sleep(600)


def grow(connection: Connection, *case: object) -> None:
    connection.send('ready')
    kept = b'x' * (3 << 29)
    time.sleep(600)
    del kept
