"""``growth``: time and memory over image area, classes and batch."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.growth import (
    GROWTH_COLUMNS,
    POINTS,
    QUANTITIES,
    QUICK_POINTS,
    growth_cases,
)
from benchmarks.growth_chart import draw_growth
from benchmarks.settings import Settings

HELP = 'how cost grows with image area, classes and batch'
COLUMNS = GROWTH_COLUMNS
draw = draw_growth


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        '--only', nargs='+', choices=list(QUANTITIES), default=list(QUANTITIES)
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    return growth_cases(
        settings.torch_device,
        only=args.only,
        points=QUICK_POINTS if args.quick else POINTS,
    )
