"""``crf``: DenseCRF against pydensecrf."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.crf import CRF_COLUMNS, NOISE, QUICK_SIZES, SIZES, crf_cases
from benchmarks.pydensecrf import INSTALL, load_pydensecrf
from benchmarks.settings import Settings

HELP = 'DenseCRF against pydensecrf'
COLUMNS = CRF_COLUMNS


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--sizes', nargs='+', metavar='KxHxW', help=' '.join(SIZES))
    parser.add_argument(
        '--noise',
        nargs='+',
        type=float,
        default=list(NOISE),
        help='in the image, of 255; the first size has all levels, the others the '
        'first one (%(default)s)',
    )
    parser.add_argument('--num-iterations', type=int, default=10)


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    if load_pydensecrf() is None:
        print(f'pydensecrf is not installed, ours alone is measured: {INSTALL}')
    return crf_cases(
        settings.torch_device,
        sizes=args.sizes or (QUICK_SIZES if args.quick else SIZES),
        noise=args.noise,
        num_iterations=args.num_iterations,
    )
