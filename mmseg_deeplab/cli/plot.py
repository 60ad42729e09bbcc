"""Draw plots of trainings, evaluations and benchmarks.

mmseg-deeplab plot curves work_dirs/quickstart --out curves.png
"""

from argparse import ArgumentParser, Namespace
from functools import partial

# It has commands of its own.
PARSE = ArgumentParser.parse_args


def add_arguments(parser: ArgumentParser) -> None:
    parser_class = partial(type(parser), allow_abbrev=False)
    plots = parser.add_subparsers(dest='plot', required=True, parser_class=parser_class)

    curves = plots.add_parser('curves', help='loss, mIoU and learning rate')
    curves.add_argument(
        'sources', nargs='+', help='work folders or their vis_data/*.json'
    )
    curves.add_argument('--names', nargs='+', help='names in the log (loss mIoU lr)')
    curves.add_argument(
        '--smoothing',
        type=float,
        default=0.0,
        help='smoothing of the training loss, from 0 to below 1, as in TensorBoard '
        '(%(default)s)',
    )

    classes = plots.add_parser('classes', help='bars of a metric by class')
    classes.add_argument('sources', nargs='+', help='metrics.json of each evaluation')
    classes.add_argument('--figure', default='IoU', help='such as Recall (%(default)s)')
    classes.add_argument('--sort', action='store_true', help='best class first')

    confusion = plots.add_parser('confusion', help='confusion matrix')
    confusion.add_argument('sources', help='metrics.json of an evaluation')

    scatter = plots.add_parser(
        'scatter', aliases=['benchmark'], help='benchmarks: mIoU against multiply-adds'
    )
    scatter.add_argument(
        'sources',
        nargs='+',
        help='work folders and JSON files of `python -m benchmarks`, or Markdown files '
        'with tables',
    )
    scatter.add_argument('--x', help='the name of a number (multiply-adds)')
    scatter.add_argument('--y', help='the name of a number (mIoU, or ratio.median)')
    scatter.add_argument(
        '--only', nargs='+', default=[], help='keep rows that contain one of these'
    )

    trimap = plots.add_parser('trimap', help='mean IoU within bands at borders')
    trimap.add_argument('sources', nargs='+', help='metrics.json of each evaluation')
    trimap.add_argument(
        '--figure', choices=['mIoU', 'aAcc'], default='mIoU', help='(%(default)s)'
    )

    for plot in (curves, classes, trimap):
        plot.add_argument('--labels', nargs='+', help='one name per line of the legend')
    for plot in (curves, classes, confusion, scatter, trimap):
        name = plot.prog.split()[-1]
        plot.add_argument(
            '--out', default=f'{name}.png', help='.png, .svg or .pdf (%(default)s)'
        )
        plot.add_argument('--title', default='', help='the heading')


def run(args: Namespace) -> None:
    from mmseg_deeplab import visualization

    options = vars(args)
    name, sources, out = (options.pop(key) for key in ('plot', 'sources', 'out'))
    name = 'scatter' if name == 'benchmark' else name
    getattr(visualization, f'plot_{name}')(sources, out, **options)
    print(out)
