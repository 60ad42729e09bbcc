"""One row of a table: first the agreement, then memory and time."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.benchmark import Measurement, Timer
from torch.utils.flop_counter import FlopCounterMode

from .case import Case, Row
from .memory import peak_memory

ROUNDS = 3
# Large enough for the full rate, small enough for fractions of a second on two cores.
MATRIX_SIZE = {'cpu': 2048, 'cuda': 8192}


def timer(run: Callable[[], Any], **names: str) -> Timer:
    """Return a timer of a function with PyTorch's present number of threads."""
    threads = torch.get_num_threads()
    return Timer('run()', globals=dict(run=run), num_threads=threads, **names)


def measure_rate(device: torch.device) -> float:
    """Return the multiply-adds per second of a large float32 matrix product."""
    size = MATRIX_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device) for _ in range(2))
    times = timer(lambda: torch.mm(left, right)).blocked_autorange(min_run_time=0.5)
    return size**3 / min(times.times)


def take_turns(
    runs: Mapping[str, Callable[[], Any]],
    *,
    seconds: float,
    rounds: int = ROUNDS,
    **names: str,
) -> dict[str, list[Measurement]]:
    """Time functions in turns, so that changes of the machine's speed hit all alike.

    Every other round goes backwards.

    Args:
        runs: The functions by name.
        seconds: The time for each function in a round; it runs twice at least, and the
            first run does not count.
        rounds: The number of rounds.
        **names: ``label`` and ``sub_label`` of the timers.

    Returns:
        One measurement per round, by name.
    """
    timers = {name: timer(run, description=name, **names) for name, run in runs.items()}
    found: dict[str, list[Measurement]] = {name: [] for name in runs}
    for number in range(rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            measurement = timers[name].blocked_autorange(min_run_time=seconds)
            found[name].append(measurement)
    return found


def measure(
    case: Case, *, rate: float = 1.0, seconds: float = 1.0, rounds: int = ROUNDS
) -> tuple[Row, list[Measurement]]:
    """Compare stock and ours and return the row, and the measurements behind it.

    Args:
        case: The case.
        rate: From :func:`measure_rate`.
        seconds: See :func:`take_turns`.
        rounds: The same.

    Raises:
        ResultsDiffer: If stock and ours do not compute the same.
    """
    runs = {'stock': case.stock, 'ours': case.ours}
    runs = {role: run for role, run in runs.items() if run is not None}
    devices = {'stock': case.stock_device or case.device, 'ours': case.device}
    results, sides, count, merged = {}, {}, 0, []
    for role, run in runs.items():
        if case.measures_itself:
            results[role] = run()
            sides[role] = dict(peak_bytes=results[role]['peak_bytes'])
            continue
        # The first call, which pays for what libraries set up, only counts.
        with FlopCounterMode(display=False) as counter:
            run()
        count = count or counter.get_total_flops() // 2  # those of stock, if there is
        results[role], peak = peak_memory(run, devices[role])
        sides[role] = dict(peak_bytes=peak)
    errors = case.compare(results['stock'], results['ours']) if case.stock else {}
    if case.measures_itself:
        for role, run in runs.items():
            again = [run() for _ in range(rounds - 1)]
            sides[role]['rounds'] = [r['seconds'] for r in (results[role], *again)]
    else:
        results.clear()
        names = dict(label=case.group, sub_label=case.name)
        found = take_turns(runs, seconds=seconds, rounds=rounds, **names)
        for role, measurements in found.items():
            merged += Measurement.merge(measurements)
            sides[role]['rounds'] = [m.median for m in measurements]
    for side in sides.values():
        times = side['rounds']
        median = statistics.median(times)
        side['seconds'] = dict(median=median, min=min(times), max=max(times))
    row = dict(group=case.group, name=case.name, errors=errors, facts=case.facts)
    row |= dict(multiply_adds=count, **sides, **_ratios(sides))
    row['fraction_of_limit'] = count / rate / sides['ours']['seconds']['median']
    return row, merged


def _ratios(sides: dict[str, Any]) -> Row:
    """Return how many times faster ours is, and how many times less memory it takes."""
    if 'stock' not in sides:
        return dict(ratio=None, memory_ratio=None)
    stock, ours = sides['stock'], sides['ours']
    pairs = zip(stock['rounds'], ours['rounds'], strict=True)
    ratios = [slow / fast for slow, fast in pairs]
    peaks = stock['peak_bytes'], ours['peak_bytes']
    median = stock['seconds']['median'] / ours['seconds']['median']
    return dict(
        ratio=dict(median=median, min=min(ratios), max=max(ratios)),
        memory_ratio=peaks[0] / peaks[1] if all(peaks) else None,
    )
