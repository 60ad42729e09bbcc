"""``infer``: prediction of whole segmentors."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from benchmarks.case import Case
from benchmarks.inference import (
    INFERENCE_COLUMNS,
    NETWORKS,
    QUICK_NETWORKS,
    QUICK_SWITCHES,
    SWITCHES,
    inference_cases,
)
from benchmarks.peers import INSTALL, QUICK_SIZE, SIZE, peer_cases
from benchmarks.settings import Settings

HELP = 'prediction, from decoded images to labels'
COLUMNS = INFERENCE_COLUMNS
PEERS = 'peers'


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    names = [*NETWORKS, PEERS]
    parser.add_argument('--only', nargs='+', choices=names, help='(all)')
    parser.add_argument(
        '--switches',
        nargs='+',
        choices=list(SWITCHES),
        help='(all but compile; with --quick: lean and fast)',
    )
    parser.add_argument(
        '--compile', action='store_true', help='torch.compile too: takes minutes'
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    networks = QUICK_NETWORKS if args.quick else NETWORKS
    names = args.only or [*networks, *([] if args.quick else [PEERS])]
    switches = args.switches or (
        QUICK_SWITCHES if args.quick else [s for s in SWITCHES if s != 'compile']
    )
    if args.compile and 'compile' not in switches:
        switches = [*switches, 'compile']
    device = settings.torch_device
    yield from inference_cases(
        device,
        networks={name: (NETWORKS | networks)[name] for name in names if name != PEERS},
        switches=switches,
    )
    if PEERS in names:
        print(f'Libraries that are not installed are left out: {INSTALL}')
        yield from peer_cases(device, size=QUICK_SIZE if args.quick else SIZE)
