"""Look at the samples of a data set as a training gets them, with a legend.

python tools/browse_dataset.py configs/deeplabv2_r26_synthetic_streets.py --out samples

writes an image of each sample and ``sheet.png`` with several draws of each.
"""

from argparse import ArgumentParser, Namespace

from mmengine.config import DictAction

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.visualization import dataset_samples


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Look at the samples of a data set')
    parser.add_argument('config', help='config file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument('--split', choices=dataset_samples.SPLITS, default='train')
    parser.add_argument('--number', type=int, default=6, help='of images (%(default)s)')
    parser.add_argument(
        '--draws', type=int, default=4, help='of each image (%(default)s)'
    )
    parser.add_argument(
        '--stage',
        choices=dataset_samples.STAGES,
        default='augmented',
        help='after the whole pipeline, or as loaded (%(default)s)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='the same one, the same draws (%(default)s)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='overrides, such as data_root=DIR for all data sets',
    )
    return parser.parse_args()


def main() -> None:
    """Write the images and print where they are."""
    args = parse_args()
    with launch.one_line_errors():
        cfg = launch.load_config(args.config, cfg_options=args.cfg_options)
        files = dataset_samples.browse(
            cfg,
            args.out,
            split=args.split,
            number=args.number,
            draws=args.draws,
            stage=args.stage,
            seed=args.seed,
        )
    print(f'{len(files)} images: {files[-1]}, and of each sample {files[0]} ...')


if __name__ == '__main__':
    main()
