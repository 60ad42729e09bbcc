"""Read all files of a config's data sets and report every fault at once.

mmseg-deeplab check-data deeplabv2_r50_camvid --split train

It prints the faults file by file, the class histogram and the image sizes; the exit
status is 1 if there is a fault.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.json_files import write_json

from .arguments import add_config, add_workers, read_config

SPLITS = ('train', 'val', 'test')


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument('--split', choices=(*SPLITS, 'all'), default='all')
    add_workers(parser)
    parser.add_argument('--out', type=Path, help='JSON file to write the report to')


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.scan_config import scan_config

    splits = SPLITS if args.split == 'all' else (args.split,)
    report = scan_config(read_config(args), splits=splits, workers=args.workers)
    print(report)
    if args.out:
        write_json(args.out, report.to_dict())
    sys.exit(bool(report.num_faults))
