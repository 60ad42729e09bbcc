"""Times of functions that take turns."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

# A median needs some, more than so many say nothing new.
FEWEST, MOST = 2, 7


class Stopwatch:
    """Takes the time of one run and of its phases.

    Args:
        device: What is waited for before a time is taken.

    Attributes:
        seconds: By phase.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Take the time of a block."""
        start = self.now()
        yield
        self.seconds[name] = self.now() - start

    def now(self) -> float:
        """Return the time at which all the work given to the device is done."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


Seconds = dict[str, list[float]]


def alternate(
    runs: Mapping[str, Callable[[Stopwatch], Any]],
    devices: Mapping[str, torch.device],
    *,
    repeat: int | None,
    seconds: float,
) -> dict[str, Seconds]:
    """Let functions take turns, so that a machine's moods hit all of them alike.

    Every other round goes backwards.

    Args:
        runs: The functions by name.
        devices: Where each one runs.
        repeat: Number of rounds; None for as many as fit into ``seconds``, 2 to 7.
        seconds: For all rounds.

    Returns:
        For each function the seconds of each phase, ``'total'`` among them, by round.
    """
    times: dict[str, Seconds] = {name: {} for name in runs}
    start = time.perf_counter()
    for done in range(repeat or MOST):
        spent = time.perf_counter() - start
        late = done and spent * (done + 1) / done > seconds
        if repeat is None and done >= FEWEST and late:
            break
        names = list(runs)[:: -1 if done % 2 else 1]
        for name in names:
            for phase, value in time_once(runs[name], devices[name]).items():
                times[name].setdefault(phase, []).append(value)
    return times


def time_once(
    run: Callable[[Stopwatch], Any], device: torch.device
) -> dict[str, float]:
    """Return the seconds of one run, by phase, and of all of it as ``'total'``.

    A total that the run has set itself is kept.
    """
    watch = Stopwatch(device)
    start = watch.now()
    run(watch)
    watch.seconds.setdefault('total', watch.now() - start)
    return watch.seconds


def summary(samples: Sequence[float]) -> dict[str, Any]:
    """Return median, least and most, and the samples themselves."""
    return dict(
        median=statistics.median(samples),
        min=min(samples),
        max=max(samples),
        samples=list(samples),
    )


def ratio(stock: Sequence[float], ours: Sequence[float]) -> dict[str, float]:
    """Say how many times faster ours is.

    Args:
        stock: Seconds by round.
        ours: The same.

    Returns:
        The quotient of the medians, and the range of the quotients of single rounds.
    """
    pairs = [slow / fast for slow, fast in zip(stock, ours, strict=True)]
    return dict(
        median=statistics.median(stock) / statistics.median(ours),
        min=min(pairs),
        max=max(pairs),
    )
