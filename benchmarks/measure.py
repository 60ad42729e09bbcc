"""One row: agreement first, then memory and time."""

import time
from typing import Any

from .case import Case, Contender
from .limits import Limits
from .memory import peak_memory
from .settings import Settings
from .timing import Stopwatch, alternate, ratio, summary

# A call shorter than this is made once more before its memory counts: the first one
# pays for what libraries set up. In a longer one that is lost.
SHORT = 2.0


def measure(case: Case, settings: Settings, limits: Limits) -> dict[str, Any]:
    """Compare stock and ours, and return the row.

    Args:
        case: What is measured.
        settings: How.
        limits: Of the device.

    Raises:
        ResultsDiffer: If stock and ours do not compute the same.
    """
    contenders = case.contenders
    results, peaks = {}, {}
    for role, contender in contenders.items():
        results[role], peaks[role] = _run_once(contender)
    errors = case.compare(results['stock'], results['ours']) if case.stock else {}
    results.clear()
    times = alternate(
        {role: contender.run for role, contender in contenders.items()},
        {role: contender.device for role, contender in contenders.items()},
        repeat=settings.repeat,
        seconds=settings.seconds,
    )
    row = dict(group=case.group, name=case.name, errors=errors, figures=case.figures)
    for role, contender in contenders.items():
        row[role] = dict(
            name=contender.name,
            device=str(contender.device),
            seconds={phase: summary(all_) for phase, all_ in times[role].items()},
            peak_bytes=peaks[role],
        )
    row |= _ratios(row)
    row['multiply_adds'], row['bytes'] = case.work.multiply_adds, case.work.bytes
    ours = row['ours']['seconds']['total']['median']
    row['fraction_of_limit'] = limits.least_seconds(case.work) / ours
    return row


def _run_once(contender: Contender) -> tuple[Any, int | None]:
    watch = Stopwatch(contender.device)
    if contender.peak_bytes is not None:
        result = contender.run(watch)
        return result, contender.peak_bytes(result)
    start = time.perf_counter()
    found = peak_memory(lambda: contender.run(watch), contender.device)
    if time.perf_counter() - start > SHORT:
        return found
    del found
    return peak_memory(lambda: contender.run(watch), contender.device)


def _ratios(row: dict[str, Any]) -> dict[str, Any]:
    """How many times faster, and how many times less memory, ours is."""
    if 'stock' not in row:
        return dict(ratio=None, memory_ratio=None)
    stock, ours = row['stock'], row['ours']
    peaks = stock['peak_bytes'], ours['peak_bytes']
    samples = (side['seconds']['total']['samples'] for side in (stock, ours))
    return dict(
        ratio=ratio(*samples),
        memory_ratio=peaks[0] / peaks[1] if all(peaks) else None,
    )
