"""``train``: a training step of whole segmentors."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.settings import Settings
from benchmarks.training import (
    MODES,
    NETWORKS,
    QUICK_NETWORKS,
    TRAINING_COLUMNS,
    training_cases,
)

HELP = 'a training step: forward, loss, backward, optimizer'
COLUMNS = TRAINING_COLUMNS
QUICK = ('lean', 'fast')


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--only', nargs='+', choices=list(NETWORKS), help='(all)')
    parser.add_argument(
        '--modes',
        nargs='+',
        choices=list(MODES),
        help='(all but compile; with --quick: lean and fast)',
    )
    parser.add_argument(
        '--compile', action='store_true', help='torch.compile too: takes minutes'
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    networks = QUICK_NETWORKS if args.quick else NETWORKS
    if args.only:
        networks = {name: (NETWORKS | networks)[name] for name in args.only}
    modes = args.modes or (
        QUICK if args.quick else [m for m in MODES if m != 'compile']
    )
    if args.compile and 'compile' not in modes:
        modes = [*modes, 'compile']
    return training_cases(settings.torch_device, networks=networks, modes=modes)
