"""The log of a training: the records of mmengine, with resumed runs joined."""

import math
from pathlib import Path
from typing import Any

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import parse_json

Record = dict[str, Any]
LOG = Path('vis_data') / 'scalars.json'
_REMEDY = 'Give the work folder of a training, or one of its */vis_data/*.json'


def read_scalars(run: str | Path) -> list[Record]:
    """Read the records of a training and join those of its resumed parts.

    A part replaces what earlier parts have logged from its first step on: a resumed run
    repeats the steps after its checkpoint, and a run that starts anew replaces all.

    Args:
        run: A work folder with ``<time>/vis_data/scalars.json``, one of these folders,
            or a ``vis_data/*.json``.

    Returns:
        The records in the order of their steps, training and validation apart. ``step``
        is the iteration, also for validations that were logged by epoch.
    """
    joined: dict[tuple[int, bool], Record] = {}
    for part in map(_read_file, log_files(run)):
        new = {(record['step'], _is_training(record)): record for record in part}
        first = {
            kind: min((step for step, k in new if k is kind), default=math.inf)
            for kind in (True, False)
        }
        begin = {True: first[True], False: min(first.values())}
        joined = {key: r for key, r in joined.items() if key[0] < begin[key[1]]} | new
    return [joined[key] for key in sorted(joined)]


def log_files(run: str | Path) -> list[Path]:
    """Return the logs of a run, the oldest first."""
    run = Path(run)
    if run.is_file():
        return [run]
    for pattern in (f'*/{LOG}', str(LOG), LOG.name):
        if files := sorted(run.glob(pattern)):
            return files
    if not run.is_dir():
        raise FileNotFoundError(f'{run}: no such file or folder. {_REMEDY}')
    raise FileNotFoundError(f'{run}: holds no */{LOG}. {_REMEDY}')


def series(records: list[Record], name: str) -> tuple[list[int], list[float]]:
    """Return the steps and the values of one logged name."""
    found = [(r['step'], r[name]) for r in records if r.get(name) is not None]
    return [step for step, _ in found], [value for _, value in found]


def run_name(run: str | Path) -> Path:
    """Return the work folder that gives a run its name."""
    run = Path(run)
    folder = run.parent if run.is_file() else run
    return folder.parent if folder.name == LOG.parts[0] else folder


def _read_file(file: Path) -> list[Record]:
    text = file.read_text(errors='replace')
    lines = text.splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = parse_json(line, 'the line')
            if not isinstance(record, dict) or not isinstance(record.get('step'), int):
                raise InputError(
                    f'expected an object with a step, received {line[:60]!r}'
                )
        except ValueError as error:
            if records and number == len(lines) and not text.endswith('\n'):
                break  # the process was killed while it wrote this line
            raise InputError(
                f'{file}, line {number}: is no log of mmengine: {error}. {_REMEDY}'
            ) from error
        records.append(record)
    if not records:
        raise InputError(f'{file}: is empty, nothing was logged yet')
    return _by_iteration(records)


def _is_training(record: Record) -> bool:
    return 'loss' in record or 'lr' in record


def _by_iteration(records: list[Record]) -> list[Record]:
    """Give validations that are counted in epochs the last logged step of the epoch."""
    ends = {r['epoch']: r['step'] for r in records if _is_training(r) and 'epoch' in r}
    tests = [r['step'] for r in records if not _is_training(r)]
    if not ends or not tests or max(tests) > max(ends):
        return records
    return [
        r if _is_training(r) else r | {'step': ends.get(r['step'], r['step'])}
        for r in records
    ]
