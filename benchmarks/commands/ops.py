"""``ops``: the functions of ``mmseg_deeplab.ops``."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.operators import OPERATOR_COLUMNS, OPERATORS, operator_cases
from benchmarks.settings import Settings

HELP = 'mmseg_deeplab.ops against MMSeg'
COLUMNS = OPERATOR_COLUMNS


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    names = list(OPERATORS)
    parser.add_argument('--only', nargs='+', choices=names, default=[], help='(all)')


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    return operator_cases(settings.torch_device, only=args.only, quick=args.quick)
