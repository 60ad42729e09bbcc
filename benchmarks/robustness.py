"""``robustness``: damaged and hostile files, and mistakes, through the package.

Each case runs in a process of its own or in one that many share; a process that dies,
takes too much memory or hangs is ended, and counted. The seed is fixed.
"""

import os
import shutil
import sys
import tempfile
import time
import traceback
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from random import Random
from threading import Thread
from typing import NamedTuple

from mmseg_deeplab.utils.errors import MESSAGES, InputError, one_line

from .report import markdown_table, write_into

HELP = 'damaged and hostile files, and mistakes in configs, through the package'
MEMORY = 1 << 30  # bytes that a case may take beyond what its process had
SEED = 13
NO_CHECKSUM = 'differs, no checksum'
FAULTS = ('raw error', 'crash or hang', 'silently wrong')
OUTCOMES = ('right', 'clear error', NO_CHECKSUM, *FAULTS)


class Case(NamedTuple):
    group: str
    number: int


def groups() -> dict:
    """Return name -> (cases, trial, whether the files carry checksums)."""
    from mmseg_deeplab.inference import read_image

    from . import damaged_files as files
    from .hostile_files import HOSTILE, try_hostile

    formats = tuple(files.IMAGES)[1:]
    damaged = files.Damaged
    image, mask = files.image_file, files.mask_file
    net, legacy = files.checkpoint_file, ('pt', 'safetensors')
    raster, videos = files.raster_file, ('mkv', 'mp4')
    script, read = files.torchscript_file, files.run_exported
    return {
        'images, PNG': (250, damaged(image, read_image, ('png',)), True),
        'images, 8 other kinds': (250, damaged(image, read_image, formats), False),
        'masks, PNG': (250, damaged(mask, files.read_mask, ('png',)), True),
        'masks, TIFF and BMP': (
            250, damaged(mask, files.read_mask, ('tif', 'tiff', 'bmp')), False,
        ),
        'checkpoints, zip': (100, damaged(net, files.read_checkpoint, ('pth',)), True),
        'checkpoints, legacy and safetensors': (
            100, damaged(net, files.read_checkpoint, legacy), False,
        ),
        'configs, trained with': (100, files.train, True),
        'TorchScript': (20, damaged(script, read, ('torchscript',)), True),
        'ONNX': (20, damaged(files.onnx_file, read, ('onnx',)), False),
        'videos': (30, damaged(files.video_file, files.read_video, videos), False),
        'rasters': (30, damaged(raster, files.label_raster, ('tif',)), False),
        'hostile files': (len(HOSTILE), try_hostile, True),
    }  # fmt: skip


def work(connection: Connection, folder: Path) -> None:
    """Run the cases that arrive, in a process of their own."""
    known, home = groups(), Path.cwd()
    connection.send('ready')
    while True:
        case = connection.recv()
        place = folder / f'{case.group} {case.number}'.replace(',', '')
        place.mkdir()
        os.chdir(place)
        with (
            (place / 'out.txt').open('w') as log,
            redirect_stdout(log),
            redirect_stderr(log),
        ):
            result = attempt(known[case.group], place, case.number)
        os.chdir(home)
        connection.send(result)
        shutil.rmtree(place, ignore_errors=True)


def attempt(group: tuple, place: Path, number: int) -> tuple[str, str]:
    """Run one case; return its outcome and a message."""
    _, trial, has_checksum = group
    try:
        found = trial(place, Random(f'{SEED} {number}'))
    except SystemExit as ended:  # of a command
        text = str(ended.code)
        clear = text.startswith('error: ') and '\n' not in text
        return 'clear error' if clear else 'raw error', text
    except MESSAGES as error:
        return 'clear error' if 'file.' in str(error) else 'raw error', one_line(error)
    except Exception as error:
        traceback.print_exc()
        return 'raw error', f'{type(error).__name__}: {error}'
    wrong = 'silently wrong' if has_checksum else NO_CHECKSUM
    return ('right' if found == 'right' else wrong), found


class Worker:
    """A process that is replaced when it dies, and ended when it takes too much."""

    def __init__(self, folder: Path, seconds: float, target: Callable = work) -> None:
        self.folder, self.seconds, self.target = folder, seconds, target
        self.process = None

    def start(self) -> None:
        """Start a process; importing everything takes seconds."""
        context = get_context('spawn')
        self.connection, other = context.Pipe()
        self.process = context.Process(target=self.target, args=(other, self.folder))
        self.process.start()
        other.close()
        self.connection.recv()

    def run(self, case: Case) -> tuple[str, str]:
        """Return the outcome of a case and a message."""
        if self.process is None:
            self.start()
        self.connection.send(case)
        limit, end = self.memory() + MEMORY, time.monotonic() + self.seconds
        try:
            while not self.connection.poll(0.02):
                if self.memory() > limit:
                    return self.stop(f'more than {MEMORY >> 20} MB')
                if time.monotonic() > end:
                    return self.stop(f'more than {self.seconds:.0f} s')
            return self.connection.recv()
        except EOFError:
            return self.stop('died')

    def stop(self, why: str = '') -> tuple[str, str]:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            why += f' (status {self.process.exitcode})'
            self.process = None
        return 'crash or hang', why

    def memory(self) -> int:
        """Return the resident memory of the process, bytes; 0 if it has ended."""
        try:
            pages = Path(f'/proc/{self.process.pid}/statm').read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf('SC_PAGE_SIZE')


def run_all(
    cases: list[Case], workers: int, seconds: float
) -> Iterator[tuple[Case, str, str]]:
    """Run cases in some processes; yield them with outcome and message."""
    todo, done = Queue(), Queue()
    for case in cases:
        todo.put(case)

    def serve(folder: Path) -> None:
        worker = Worker(folder, seconds)
        try:
            while True:
                case = todo.get_nowait()
                done.put((case, *worker.run(case)))
        except Empty:
            worker.stop()

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        threads = [Thread(target=serve, args=(Path(folder),)) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for _ in cases:
            yield done.get()
        for thread in threads:
            thread.join()


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
    known = {
        name: max(1, round(args.fraction * count))
        for name, (count, *_) in groups().items()
        if not args.only or name.startswith(tuple(args.only))
    }
    if not known:
        raise InputError(f'--only {args.only}: choose among {", ".join(groups())}')
    cases = [Case(name, n) for name, count in known.items() for n in range(count)]
    counts = {name: Counter() for name in known}
    for case, outcome, message in run_all(cases, args.workers, args.seconds):
        counts[case.group][outcome] += 1
        if outcome in FAULTS:
            print(f'{case.group} {case.number}: {outcome}: {message}', flush=True)
    rows = list(counts.items())
    rows.append(('all', sum(counts.values(), Counter())))
    columns = {'files': lambda row: row[0], 'cases': lambda row: str(row[1].total())}
    for outcome in OUTCOMES:
        columns[outcome] = lambda row, outcome=outcome: str(row[1][outcome])
    text = markdown_table(columns, rows)
    print(text)
    if args.document:
        write_into(args.document, 'robustness', text)
    sys.exit(any(rows[-1][1][fault] for fault in FAULTS))
