"""Tune the CRF behind a trained network: a coarse-to-fine search, or by gradient.

mmseg-deeplab tune-crf MODEL

A second call goes on where the first stopped. docs/crf.md says how and how long.
"""

from argparse import ArgumentParser, Namespace

from .arguments import add_config, pick

RANGES = ('v1', 'v2')
AXES = ('bilateral_weight', 'bilateral_xy', 'bilateral_rgb')
LEARNABLE = (
    'bilateral_weight',
    'gaussian_weight',
    'bilateral_xy',
    'bilateral_rgb',
    'gaussian_xy',
    'compatibility',
)


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser, checkpoint=True)
    add = parser.add_argument
    add('--work-dir', help='(work_dirs/<config name>/crf)')
    add('--num-images', type=int, help='images to tune on (100)')
    add('--holdout-split', choices=['val', 'test'], default='val')
    add('--num-holdout', type=int, help='images to judge by (all the rest)')
    add('--seed', type=int, default=0, help='seed of the images and the learning')
    add('--tta', action='store_true', help='test-time augmentation')
    add('--start', help="CRF fragment to start from (the config's, or the release's)")
    add(
        '--num-iterations',
        type=int,
        help='iterations of the mean field (10; while learning 5)',
    )
    add('--device', help='such as cpu (a GPU where there is one)')
    add('--restart', action='store_true', help='forget earlier results')
    search = parser.add_argument_group('search')
    search.add_argument('--ranges', choices=RANGES, default='v2')
    for axis in AXES:
        option = f'--{axis.replace("_", "-")}'
        search.add_argument(option, metavar='LOW:STEP:HIGH', help='own range')
    search.add_argument('--gaussian-weight', type=float, default=3.0, help='w2 (3)')
    search.add_argument(
        '--gaussian-xy', type=float, default=3.0, help='sigma_gamma (3)'
    )
    search.add_argument('--fine-rounds', type=int, default=2, help='finer grids (2)')
    learn = parser.add_argument_group('learning')
    learn.add_argument('--learn', action='store_true', help='learn instead of search')
    learn.add_argument(
        '--epochs', type=int, default=5, help='passes over the images (5)'
    )
    learn.add_argument('--lr', type=float, default=0.01, help='relative to the start')
    learn.add_argument(
        '--learnable',
        nargs='+',
        choices=LEARNABLE,
        default=LEARNABLE,
        help='parameters that are learnt, by default all',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.crf_tuning import comparison_table

    result = tune(args)
    print(comparison_table(result['comparison']))
    for line in result['notes']:
        print(f'note: {line}')
    for name, path in result['files'].items():
        print(f'{name}: {path}')


def tune(args: Namespace) -> dict:
    """Search or learn."""
    from mmseg_deeplab import crf_tuning

    ranges = {
        axis: crf_tuning.parse_range(getattr(args, axis) or text)
        for axis, text in crf_tuning.RANGES[args.ranges].items()
    }
    names = (
        'config', 'checkpoint', 'cfg_options', 'work_dir', 'num_images',
        'holdout_split', 'num_holdout', 'seed', 'tta', 'start', 'device', 'restart',
    )  # fmt: skip
    iterations = args.num_iterations
    setup = crf_tuning.TuningSetup(
        num_iterations=10 if args.learn else iterations or 10, **pick(args, *names)
    )
    if args.learn:
        return crf_tuning.tune(
            crf_tuning.CRFLearner(
                setup,
                learnable=list(args.learnable),
                num_iterations=iterations or 5,
                **pick(args, 'epochs', 'lr'),
            )
        )
    weights = pick(args, 'gaussian_weight', 'gaussian_xy')
    return crf_tuning.tune(
        crf_tuning.CRFSearch(setup, ranges, rounds=args.fine_rounds, **weights)
    )
