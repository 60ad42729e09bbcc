"""Read all files of a config's data sets and report every fault at once.

Prints the faults file by file, the class histogram and the image sizes; the exit code
is 1 if there is a fault.

Example:
    python tools/check_dataset.py configs/deeplabv2_r50_camvid.py --split train
"""

import argparse
import json
import os
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.scan_config import SPLITS, scan_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file, or a base with data sets only')
    parser.add_argument('--split', choices=(*SPLITS, 'all'), default='all')
    parser.add_argument(
        '--workers',
        type=int,
        default=min(8, os.cpu_count() or 1),
        help='processes; 0 reads in this one (default: %(default)s)',
    )
    parser.add_argument('--out', type=Path, help='JSON file to write the report to')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides, e.g. data_root=DIR for all data sets',
    )
    return parser.parse_args()


def main() -> None:
    """Scan, print, write; exit with 1 where there are faults."""
    args = parse_args()
    splits = SPLITS if args.split == 'all' else (args.split,)
    try:
        cfg = read_config(args.config, args.cfg_options)
        report = scan_config(cfg, splits=splits, workers=args.workers)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(report)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report.to_dict(), indent=2))
    sys.exit(bool(report.num_faults))


if __name__ == '__main__':
    main()
