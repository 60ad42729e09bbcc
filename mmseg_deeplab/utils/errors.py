"""Errors that are messages to the user, and how a command ends with one.

Something that a user gave and that cannot be used (a broken file, a value out of range,
two options that exclude each other) is an :class:`InputError`, a
:class:`MissingPackageError` or an OSError. A command ends with its message in one line
and status 1; for a :class:`DeviceError` the status is 3. Every other error is a fault
of the program and keeps its traceback.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import extract_tb

# Set to 1, it shows the traceback of every error.
TRACEBACK = 'MMSEG_DEEPLAB_TRACEBACK'


class InputError(ValueError):
    """What the user has given cannot be used; the message has it and the remedy."""


class MissingPackageError(ImportError):
    """An optional package is not installed; the message says how to install it."""


class DeviceError(RuntimeError):
    """The model or the device has failed, and no file is to blame."""


LONGEST = 300  # characters of a foreign message; some print whole sections
MESSAGES = (InputError, MissingPackageError, OSError)
# What PyTorch makes of an error in a worker of a DataLoader: its whole traceback.
CAUGHT = re.compile(
    r'Caught (?P<type>\w+) .*\nOriginal Traceback (?s:.*)'
    r'\n(?:[\w<>]+\.)*(?P=type): (?P<message>(?s:.*))'
)
REMEDIES = {
    'BlockingIOError': 'another process uses it',
    'FileExistsError': 'choose another name',
    'IsADirectoryError': 'give a file',
    'NotADirectoryError': 'give a folder, or mend the path',
    'PermissionError': 'mend the permissions, or choose another folder',
}


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line; an OSError names its file first."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        names = [str(n) for n in (error.filename, error.filename2) if n is not None]
        text = ': '.join([*names, error.strerror])
        remedy = REMEDIES.get(type(error).__name__)
        text += f'; {remedy}' if remedy and names else ''
    if caught := CAUGHT.match(text):
        text = caught['message'].rstrip('\n')
    return ' '.join(text.split('\n')) or type(error).__name__


def reason(error: Exception) -> str:
    """Say in one line what an error says, with its type if it is not a message."""
    text = one_line(error)
    if isinstance(error, MESSAGES):
        return text
    if isinstance(error, AssertionError) and not str(error):
        text = extract_tb(error.__traceback__)[-1].line
    if isinstance(error, KeyError):  # whose text is in quotes
        text = text[1:-1].partition('. Please check whether')[0]
    text = f'{type(error).__name__}: {text}'
    return text if len(text) <= LONGEST else f'{text[:LONGEST]} ...'


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with ``error: MESSAGE`` where an error is one for the user."""
    try:
        yield
    except BrokenPipeError:  # of `| head`; Python would complain again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MESSAGES as error:
        if os.environ.get(TRACEBACK) == '1':
            raise
        _let_an_earlier_rank_speak()
        sys.exit(f'error: {one_line(error)}')
    except DeviceError as error:
        print(f'error: {one_line(error)}', file=sys.stderr)
        sys.exit(3)


def _let_an_earlier_rank_speak() -> None:
    """Wait in a distributed run, whose launcher ends all processes when one has ended.

    So one process prints a mistake that all of them find.
    """
    if rank := int(os.environ.get('LOCAL_RANK', 0)):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(2 * rank)
