"""A whole benchmark."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import torch

from .case import Case
from .limits import measure_limits
from .machine import describe_machine
from .measure import measure
from .settings import Settings


def run_benchmark(
    name: str,
    cases: Iterable[Case],
    settings: Settings,
    *,
    command: str,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure all cases and return what goes into the JSON file.

    Args:
        name: Of the benchmark.
        cases: Each is made when it is its turn, and dropped before the next.
        settings: How to measure. The number of threads stays set.
        command: With which anyone can repeat it.
        say: Gets a line of progress per case.

    Raises:
        ResultsDiffer: If stock and ours do not compute the same in a case.
    """
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    machine = describe_machine(settings.torch_device)
    limits = measure_limits(settings.torch_device, repeat=settings.repeat or 8)
    rows = []
    for case in cases:
        rows.append(measure(case, settings, limits))
        del case
        say(progress(rows[-1]))
    return dict(
        benchmark=name,
        command=command,
        machine=machine,
        limits=asdict(limits),
        settings=asdict(settings),
        rows=rows,
    )


def progress(row: dict[str, Any]) -> str:
    """Return a row in short."""
    text = f'{row["group"]}  {row["name"]}: {_seconds(row["ours"])} s'
    if row['ratio'] is None:
        return text
    return (
        f'{text}, {row["stock"]["name"]} {_seconds(row["stock"])} s, '
        f'ratio {row["ratio"]["median"]:.2f}'
    )


def _seconds(side: dict[str, Any]) -> str:
    return f'{side["seconds"]["total"]["median"]:.4g}'
