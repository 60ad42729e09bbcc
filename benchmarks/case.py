"""What is compared with what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from .timing import Stopwatch

CPU = torch.device('cpu')


@dataclass(frozen=True)
class Contender:
    """One way of doing a job.

    Args:
        name: Of the library or the path.
        run: Does the job once; takes the time of its phases with the stopwatch that it
            is given, if it has any.
        device: Where it runs.
        peak_bytes: Reads the peak memory off the result, where the job runs in a
            process of its own; such a job sets the total of its stopwatch itself.
    """

    name: str
    run: Callable[[Stopwatch], Any]
    device: torch.device = CPU
    peak_bytes: Callable[[Any], int | None] | None = None


@dataclass(frozen=True)
class Work:
    """The least a job takes, by which a machine's limit follows.

    Args:
        multiply_adds: Of the formula, before any trick.
        bytes: To read each input and write each result once.
    """

    multiply_adds: int
    bytes: int


@dataclass(frozen=True)
class Case:
    """One row of a benchmark.

    Args:
        group: What is measured, such as the name of a function.
        name: With which sizes.
        ours: Our path.
        stock: What it replaces; None if that is not installed.
        compare: From the results of stock and ours to named errors; raises
            :class:`ResultsDiffer` where they are too large.
        work: Of the job.
        figures: More about the case, for the table.
    """

    group: str
    name: str
    ours: Contender
    stock: Contender | None
    compare: Callable[[Any, Any], dict[str, float]]
    work: Work
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def contenders(self) -> dict[str, Contender]:
        """Those that run, in the order of the first round."""
        found = {'stock': self.stock, 'ours': self.ours}
        return {role: one for role, one in found.items() if one is not None}


class ResultsDiffer(RuntimeError):
    """Stock and ours do not compute the same, so their times say nothing."""


def require(condition: bool, what: str, errors: dict[str, float]) -> None:
    """Raise :class:`ResultsDiffer` unless ``condition`` holds."""
    if not condition:
        raise ResultsDiffer(f'{what}: the results differ: {errors}')
