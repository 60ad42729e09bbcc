"""What a study compares: pairs of functions that must give the same result."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from mmseg_deeplab.utils.errors import InputError

CPU = torch.device('cpu')
Errors = dict[str, float]
Row = dict[str, Any]
Columns = Mapping[str, Callable[[Row], str]]  # a function to a cell's text, by heading


@dataclass(frozen=True)
class Case:
    """One row of a table."""

    group: str  # the subject, such as the name of a function
    name: str  # the sizes or the variant
    ours: Callable[[], Any]  # does the job once and returns the result
    stock: Callable[[], Any] | None  # the same in the stock way; None: not installed
    # Takes the results of stock and ours and returns named errors; raises ResultsDiffer
    # where they are too large.
    compare: Callable[[Any, Any], Errors]
    device: torch.device = CPU
    stock_device: torch.device | None = None  # of stock, if it is another one
    facts: dict[str, float] = field(default_factory=dict)  # more numbers for the table
    # The functions run in processes of their own and return dicts with ``seconds`` and
    # ``peak_bytes``.
    measures_itself: bool = False


@dataclass(frozen=True)
class Study:
    """A subcommand of ``python -m benchmarks`` that measures cases."""

    help: str
    columns: Columns
    subjects: Mapping[str, Any]  # what is measured, by the names of ``--only``
    quick: Mapping[str, Any]  # the subjects of ``--quick``
    # Makes the cases of one subject for some variants on a device.
    cases: Callable[[Any, Sequence[str], torch.device], Iterator[Case]]
    # Names for ``--variants``; ``--quick`` takes the first two. The variant ``compile``
    # takes minutes and is measured only if it is named.
    variants: Sequence[str] = ()

    def chosen(self, args: Namespace) -> Iterator[Case]:
        """Make the cases that the options choose; ValueError for unknown names."""
        known = {**self.quick, **self.subjects, **(self.quick if args.quick else {})}
        only = args.only or (self.quick if args.quick else self.subjects)
        default = self.variants[:2] if args.quick else self.variants
        variants = args.variants or [name for name in default if name != 'compile']
        for names, there in ((only, known), (variants, self.variants)):
            if unknown := [name for name in names if name not in there]:
                raise InputError(f'unknown {unknown}: choose among {list(there)}')
        for name in only:
            yield from self.cases(known[name], variants, torch.device(args.device))


class ResultsDiffer(RuntimeError):
    """Stock and ours do not compute the same, so their times say nothing."""


def require(condition: bool, what: str, errors: Errors) -> None:
    """Raise :class:`ResultsDiffer` unless ``condition`` holds."""
    if not condition:
        raise ResultsDiffer(f'{what}: the results differ: {errors}')
