"""Count the labels of the training split and write class weights for the loss.

mmseg-deeplab class-weights deeplabv2_r50_camvid --method inverse

The mixin class_weight trains with them: mmseg-deeplab train CONFIG --mixin class_weight
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from .arguments import add_config, add_workers, read_config

METHODS = ('inverse', 'median_frequency', 'effective_number')


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument('--method', choices=METHODS, default='median_frequency')
    parser.add_argument(
        '--beta',
        type=float,
        default=0.9999,
        help='parameter of effective_number; a sample is a whole image, so that with '
        'fewer images than 1 / (1 - beta) this is close to inverse (%(default)s)',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/class_weights.json'),
        help='.json or .npy file to write (%(default)s)',
    )
    add_workers(parser)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config import class_balance

    class_balance.check_suffix(args.out)
    class_balance.check_beta(args.beta)
    cfg = read_config(args)
    counts = class_balance.count_labels(cfg, workers=args.workers)
    weights = class_balance.class_weights(counts, args.method, beta=args.beta)
    print(counts.table(weights))
    class_balance.write_class_weights(weights, args.out, counts.classes)
    print(f'{args.out}: loss_decode.class_weight={str(args.out)!r}')
