"""``robustness``: damaged and hostile files, and mistakes, through the package.

Each case has a process and a folder of its own; a process that dies, takes too much
memory or hangs is ended, and counted. The seed is fixed.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.pool import ThreadPool
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import format_exc
from typing import NamedTuple

from mmseg_deeplab.utils.errors import MESSAGES, InputError, one_line

from .report import markdown_table, write_into

HELP = 'damaged and hostile files, and mistakes in configs, through the package'
MEMORY = 1 << 30  # bytes that a case may take beyond what its process had
NO_CHECKSUM = 'differs, no checksum'
FAULTS = ('raw error', 'crash or hang', 'silently wrong')
OUTCOMES = ('right', 'clear error', NO_CHECKSUM, *FAULTS)

# A process with all imports done, which forks one for each case.
CONTEXT = get_context('forkserver')
CONTEXT.set_forkserver_preload(
    ['benchmarks.hostile_files', 'matplotlib.pyplot', 'onnxruntime', 'torch._dynamo']
)


class Group(NamedTuple):
    """A row of the table."""

    cases: int
    trial: Callable[[int], str]  # from a case's number to 'right' or something else
    has_checksum: bool  # whether a changed byte can be told


def groups() -> dict[str, Group]:
    """Return the rows of the table, by name; they need several extras."""
    from .damaged_files import DAMAGED, train_damaged
    from .hostile_files import HOSTILE, try_hostile

    return {
        **{name: Group(*values) for name, values in DAMAGED.items()},
        'configs, trained with': Group(100, train_damaged, True),
        'hostile files': Group(len(HOSTILE), try_hostile, True),
    }


def attempt(group: Group, number: int) -> tuple[str, str]:
    """Run one case; return its outcome and a message."""
    try:
        found = group.trial(number)
    except SystemExit as ended:  # of a command
        text = str(ended.code)
        clear = text.startswith('error: ') and '\n' not in text
        return 'clear error' if clear else 'raw error', text
    except MESSAGES as error:
        return 'clear error' if 'file.' in str(error) else 'raw error', one_line(error)
    except Exception:
        return 'raw error', format_exc()
    wrong = 'silently wrong' if group.has_checksum else NO_CHECKSUM
    return ('right' if found == 'right' else wrong), found


def work(connection: Connection, folder: str, name: str, number: int) -> None:
    """Run one case in a process of its own."""
    group = groups()[name]
    connection.send('ready')
    os.chdir(folder)
    with open(os.devnull, 'w') as log, redirect_stdout(log), redirect_stderr(log):
        connection.send(attempt(group, number))
    os._exit(0)  # freeing all imports would take seconds


def run_case(
    case: tuple[str, int], seconds: float, target: Callable = work
) -> tuple[str, str, str]:
    """Run a case, a row and a number; return both, its outcome and a message."""
    name = '{} {}'.format(*case)
    mine, other = CONTEXT.Pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = CONTEXT.Process(target=target, args=(other, folder, *case))
        process.start()
        other.close()
        try:
            mine.recv()
            limit, end = memory(process.pid) + MEMORY, time.monotonic() + seconds
            while not mine.poll(0.02):
                if memory(process.pid) > limit:
                    return name, 'crash or hang', f'more than {MEMORY >> 20} MB'
                if time.monotonic() > end:
                    return name, 'crash or hang', f'more than {seconds:.0f} s'
            return name, *mine.recv()
        except EOFError:
            process.join()
            return name, 'crash or hang', f'died (status {process.exitcode})'
        finally:
            process.kill()
            process.join()


def memory(process_id: int) -> int:
    """Return the resident memory of a process, bytes; 0 if it has ended."""
    try:
        pages = Path(f'/proc/{process_id}/statm').read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf('SC_PAGE_SIZE')


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--fraction', type=float, default=1.0, help='(%(default)s)')
    parser.add_argument('--only', nargs='+', help='groups whose name begins so')
    parser.add_argument('--workers', type=int, default=2, help='(%(default)s)')
    parser.add_argument(
        '--seconds', type=float, default=60, help='limit of a case (%(default)s)'
    )
    parser.add_argument('--document', help='Markdown file that gets the table')


def run(args: Namespace) -> None:
    """Run the cases, print faults and table; the exit status tells of faults."""
    cases = [
        (name, number)
        for name, group in groups().items()
        if not args.only or name.startswith(tuple(args.only))
        for number in range(max(1, round(args.fraction * group.cases)))
    ]
    if not cases:
        raise InputError(f'--only {args.only}: choose among {", ".join(groups())}')
    counts = {name: Counter() for name, _ in cases}
    with ThreadPool(args.workers) as pool:
        one = partial(run_case, seconds=args.seconds)
        for name, outcome, message in pool.imap_unordered(one, cases):
            counts[name.rpartition(' ')[0]][outcome] += 1
            if outcome in FAULTS:
                print(f'{name}: {outcome}: {message}', flush=True)
    counts['all'] = sum(counts.values(), Counter())
    columns = {'files': lambda row: row[0], 'cases': lambda row: str(row[1].total())}
    for outcome in OUTCOMES:
        columns[outcome] = lambda row, outcome=outcome: str(row[1][outcome])
    text = markdown_table(columns, counts.items())
    print(text)
    if args.document:
        write_into(args.document, 'robustness', text)
    sys.exit(any(counts['all'][fault] for fault in FAULTS))
