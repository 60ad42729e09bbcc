"""What a study compares: pairs of functions that must give the same result."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

CPU = torch.device('cpu')
Errors = dict[str, float]
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One row of a table.

    Args:
        group: The subject, such as the name of a function.
        name: The sizes or the variant.
        ours: Does the job once and returns the result.
        stock: Does the same in the stock way; None if that is not installed.
        compare: Takes the results of stock and ours and returns named errors; raises
            :class:`ResultsDiffer` where they are too large.
        device: The device of our function.
        stock_device: The device of the stock function, if it is another one.
        facts: More numbers about the case for the table.
        measures_itself: The functions run in processes of their own. Their results are
            dicts with ``seconds`` and ``peak_bytes``.
    """

    group: str
    name: str
    ours: Callable[[], Any]
    stock: Callable[[], Any] | None
    compare: Callable[[Any, Any], Errors]
    device: torch.device = CPU
    stock_device: torch.device | None = None
    facts: dict[str, float] = field(default_factory=dict)
    measures_itself: bool = False


@dataclass(frozen=True)
class Study:
    """A subcommand of ``python -m benchmarks`` that measures cases.

    Args:
        help: One line for ``--help``.
        columns: The table: a function from a row to the text of a cell, by heading.
        subjects: What is measured, by the names of ``--only``.
        quick: The subjects of ``--quick``.
        cases: Makes the cases of one subject for some variants on a device.
        variants: Names for ``--variants``; ``--quick`` takes the first two. The variant
            ``compile`` takes minutes and is measured only if it is named.
        add_options: Adds options of this study alone.
        own_subject: Returns the subject that these options describe, or None.
    """

    help: str
    columns: Mapping[str, Callable[[Row], str]]
    subjects: Mapping[str, Any]
    quick: Mapping[str, Any]
    cases: Callable[[Any, Sequence[str], torch.device], Iterator[Case]]
    variants: Sequence[str] = ()
    add_options: Callable[[ArgumentParser], None] | None = None
    own_subject: Callable[[Namespace], Any] | None = None

    def chosen(self, args: Namespace) -> Iterator[Case]:
        """Make the cases that the options choose, one after the other.

        Raises:
            ValueError: If there is no such subject or variant.
        """
        known = {**self.quick, **self.subjects}
        known |= self.quick if args.quick else {}
        only = args.only or (self.quick if args.quick else self.subjects)
        default = self.variants[:2] if args.quick else self.variants
        variants = args.variants or [name for name in default if name != 'compile']
        for names, there in ((only, known), (variants, self.variants)):
            if unknown := [name for name in names if name not in there]:
                raise ValueError(f'unknown {unknown}: choose among {list(there)}')
        own = self.own_subject(args) if self.own_subject else None
        for subject in [known[n] for n in only] if own is None else [own]:
            yield from self.cases(subject, variants, torch.device(args.device))


class ResultsDiffer(RuntimeError):
    """Stock and ours do not compute the same, so their times say nothing."""


def require(condition: bool, what: str, errors: Errors) -> None:
    """Raise :class:`ResultsDiffer` unless ``condition`` holds."""
    if not condition:
        raise ResultsDiffer(f'{what}: the results differ: {errors}')
