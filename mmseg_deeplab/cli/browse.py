"""Look at the samples of a data set as a training gets them, with a legend.

mmseg-deeplab browse deeplabv2_r26_synthetic_streets --out samples

It writes an image of each sample and sheet.png with several draws of each.
"""

from argparse import ArgumentParser, Namespace

from .arguments import add_config, pick, read_config


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    add = parser.add_argument
    add('--out', required=True, help='folder to write to')
    add('--split', choices=('train', 'val', 'test'), default='train')
    add('--number', type=int, default=6, help='number of images (%(default)s)')
    add('--draws', type=int, default=4, help='draws of each image (%(default)s)')
    add(
        '--stage',
        choices=('augmented', 'original'),
        default='augmented',
        help='after the whole pipeline, or as loaded (%(default)s)',
    )
    add('--seed', type=int, default=0, help='seed of the draws (%(default)s)')


def run(args: Namespace) -> None:
    from mmseg_deeplab.visualization.dataset_samples import browse

    options = pick(args, 'split', 'number', 'draws', 'stage', 'seed')
    files = browse(read_config(args), args.out, **options)
    print(f'{len(files)} images: {files[-1]}, and of each sample {files[0]} ...')
