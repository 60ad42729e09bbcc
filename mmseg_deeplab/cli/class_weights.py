"""Count the labels of a config's training split and write class weights for the loss.

Example:
    python tools/class_weights.py configs/deeplabv2_r50_camvid.py --method inverse
    python tools/train.py configs/deeplabv2_r50_camvid.py --mixin class_weight
"""

import argparse
import os
import sys
from pathlib import Path

from mmengine.config import DictAction

from mmseg_deeplab.config.class_balance import (
    METHODS,
    check_suffix,
    class_weights,
    count_labels,
    write_class_weights,
)
from mmseg_deeplab.config.config_file import read_config


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config file, or a base with data sets only')
    parser.add_argument('--method', choices=METHODS, default='median_frequency')
    parser.add_argument(
        '--beta',
        type=float,
        default=0.9999,
        help='of effective_number; a sample is a whole image, so that with fewer '
        'images than 1 / (1 - beta) this is close to inverse (default: %(default)s)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/class_weights.json'),
        help='.json or .npy file to write (default: %(default)s)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=min(8, os.cpu_count() or 1),
        help='processes; 0 reads in this one (default: %(default)s)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='overrides, e.g. data_root=DIR for all data sets',
    )
    return parser.parse_args()


def main() -> None:
    """Count, compute, print, write."""
    args = parse_args()
    try:
        check_suffix(args.out)
        cfg = read_config(args.config, args.cfg_options)
        counts = count_labels(cfg, workers=args.workers)
        weights = class_weights(counts, args.method, beta=args.beta)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'error: {error}')
    print(counts.table(weights))
    write_class_weights(weights, args.out)
    print(f'{args.out}: loss_decode.class_weight={str(args.out)!r}')


if __name__ == '__main__':
    main()
