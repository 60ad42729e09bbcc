"""``data``: the training pipelines of the data sets."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.data import DATA_COLUMNS, DATA_SETS, data_cases
from benchmarks.folders import folder_or_temporary
from benchmarks.settings import Settings

HELP = "training pipelines against MMSeg's transforms"
COLUMNS = DATA_COLUMNS
QUICK = ('camvid',)


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--only', nargs='+', choices=list(DATA_SETS), help='(both)')
    parser.add_argument(
        '--folder', help='for the drawn images, kept for the next run (a temporary one)'
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    names = args.only or (QUICK if args.quick else tuple(DATA_SETS))
    with folder_or_temporary(args.folder) as folder:
        yield from data_cases(folder, names=names)
