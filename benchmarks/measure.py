"""One row of a table: first the agreement, then memory and time."""

import ctypes
import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from .case import Case, Row

ROUNDS = 3
_STATUS = Path('/proc/self/status')
_CLEAR = Path('/proc/self/clear_refs')
# Large enough for the full rate, small enough for fractions of a second on two cores.
MATRIX_SIZE = {'cpu': 2048, 'cuda': 8192}


def timer(run: Callable[[], Any]) -> Timer:
    """Return a timer of a function with PyTorch's present number of threads."""
    return Timer('run()', globals=dict(run=run), num_threads=torch.get_num_threads())


def measure_rate(device: torch.device) -> float:
    """Return the multiply-adds per second of a large float32 matrix product."""
    size = MATRIX_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device) for _ in range(2))
    times = timer(lambda: torch.mm(left, right)).blocked_autorange(min_run_time=0.5)
    return size**3 / min(times.times)


def take_turns(
    runs: Mapping[str, Callable[[], Any]], *, seconds: float, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Time functions in turns, so that changes of the machine's speed hit all alike.

    Each gets ``seconds`` in a round but runs twice at least; the first run does not
    count. Every other round goes backwards. Returns the median seconds of each round.
    """
    timers = {name: timer(run) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            measured = timers[name].blocked_autorange(min_run_time=seconds)
            found[name].append(measured.median)
    return found


def measure(
    case: Case, *, rate: float = 1.0, seconds: float = 1.0, rounds: int = ROUNDS
) -> Row:
    """Compare stock and ours and return the row.

    ``rate`` comes from :func:`measure_rate`; :func:`take_turns` has the others.
    """
    runs = {'stock': case.stock, 'ours': case.ours}
    runs = {role: run for role, run in runs.items() if run is not None}
    devices = {'stock': case.stock_device or case.device, 'ours': case.device}
    results, peaks, count = {}, {}, 0
    for role, run in runs.items():
        if case.measures_itself:
            results[role] = run()
            peaks[role] = results[role]['peak_bytes']
            continue
        # The first call, which pays for what libraries set up, only counts.
        with FlopCounterMode(display=False) as counter:
            run()
        count = count or counter.get_total_flops() // 2  # those of stock, if there is
        with without_tf32():
            results[role], peaks[role] = peak_memory(run, devices[role])
    errors = case.compare(results['stock'], results['ours']) if case.stock else {}
    if case.measures_itself:
        times = {role: [found['seconds']] for role, found in results.items()}
        for role in list(runs) * (rounds - 1):  # in turns
            times[role].append(runs[role]()['seconds'])
    else:
        results.clear()
        times = take_turns(runs, seconds=seconds, rounds=rounds)
    row = dict(group=case.group, name=case.name, errors=errors, facts=case.facts)
    row |= dict(multiply_adds=count, ratio=None, memory_ratio=None)
    for role, rounded in times.items():
        spread = dict(median=median(rounded), min=min(rounded), max=max(rounded))
        row[role] = dict(peak_bytes=peaks[role], rounds=rounded, seconds=spread)
    ours = row['ours']['seconds']['median']
    row['fraction_of_limit'] = count / rate / ours
    if case.stock:
        ratios = [a / b for a, b in zip(times['stock'], times['ours'], strict=True)]
        ratio = row['stock']['seconds']['median'] / ours
        row['ratio'] = dict(median=ratio, min=min(ratios), max=max(ratios))
        if all(peaks.values()):
            row['memory_ratio'] = peaks['stock'] / peaks['ours']
    return row


def row_of_failure(case: Case, failure: str) -> Row:
    """Return the row of a case that has no numbers."""
    return dict(
        group=case.group,
        name=f'{case.name}: **{failure}**',
        errors={},
        facts=case.facts,
        failure=failure,
        ratio=None,
        memory_ratio=None,
        multiply_adds=0,
        fraction_of_limit=0.0,
    )


@contextmanager
def without_tf32() -> Iterator[None]:
    """Compute products and convolutions on a GPU in full float32."""
    modules = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [module.allow_tf32 for module in modules]
    for module in modules:
        module.allow_tf32 = False
    try:
        yield
    finally:
        for module, value in zip(modules, before, strict=True):
            module.allow_tf32 = value


def peak_memory(
    function: Callable[[], Any], device: torch.device
) -> tuple[Any, int | None]:
    """Call a function and measure its peak memory, its result included.

    On a GPU this is what PyTorch has allocated, on the CPU the growth of the process's
    resident memory up to its high-water mark. Memory that was freed before counts if it
    is used again. Returns the result and the bytes; None on other systems than Linux.
    """
    before = start_peak(device)
    result = function()
    return result, peak_since(before, device)


def start_peak(device: torch.device) -> int | None:
    """Forget earlier peaks and return the bytes held now, None if unknown."""
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # only glibc has it
    try:
        if trim is not None:
            trim(0)
        _CLEAR.write_text('5')  # resets the high-water mark, proc(5)
        return _read('VmRSS')
    except OSError:
        return None


def peak_since(before: int | None, device: torch.device) -> int | None:
    """Return the peak since :func:`start_peak`, beyond what it returned."""
    if before is None:
        return None
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    return max(0, _read('VmHWM') - before)


def high_water() -> int | None:
    """Return the peak of this process's resident memory, None if unknown."""
    return _read('VmHWM') if _STATUS.is_file() else None


def _read(field: str) -> int:
    kilobytes = re.search(rf'^{field}:\s*(\d+) kB', _STATUS.read_text(), re.MULTILINE)
    return int(kilobytes[1]) * 1024
