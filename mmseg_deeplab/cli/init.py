"""Write a config for a folder of data of your own and this machine.

mmseg-deeplab init mydata --out my_config.py --budget 30m

It reads all images and labels, times a few steps, and writes a reason beside each
setting: docs/auto_config.md. `mmseg-deeplab train mydata` does the same, then trains.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError

from .arguments import add_plan_arguments, plan_options


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('folder', metavar='DIR', help='images, labels and a class list')
    parser.add_argument('--out', type=Path, required=True, help='config to write (.py)')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace a config that is there',
    )
    add_plan_arguments(parser)


def run(args: Namespace) -> None:
    if args.out.exists() and not args.overwrite:
        raise InputError(
            f'{args.out}: is there already. Remedy: another --out, or --overwrite'
        )
    from mmseg_deeplab.config.planned_config import write_planned_config

    print(write_planned_config(args.folder, args.out, **plan_options(args)))
    print(f'To train: mmseg-deeplab train {args.out}')
