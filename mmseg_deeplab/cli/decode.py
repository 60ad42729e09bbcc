"""Write the network that a search has found, as a config that trains it.

mmseg-deeplab decode work_dirs/auto_deeplab_synthetic_streets
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('work_dir', help='folder of the search')
    parser.add_argument(
        '--base',
        default='autodeeplab_synthetic_streets',
        metavar='CONFIG',
        help='what the found network is trained with: a config whose backbone is '
        'AutoDeepLabNet (%(default)s)',
    )
    parser.add_argument(
        '--filters', type=int, help='channels of a block at stride 4 (those of CONFIG)'
    )
    parser.add_argument(
        '--random',
        type=int,
        default=0,
        metavar='N',
        help='also write N random networks of the same space, to compare with',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.found_architecture import write_found_network

    configs = write_found_network(
        args.work_dir, args.base, filters=args.filters, random=args.random
    )
    for config in configs:
        print(config)
    print(f'Next: mmseg-deeplab train {configs[0]}')
