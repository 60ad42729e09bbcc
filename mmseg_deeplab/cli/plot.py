"""Draw trainings, evaluations and benchmarks; the suffix of --out tells the format.

python tools/plot.py curves work_dirs/quickstart --out curves.png
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab import visualization as plots
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.visualization.trimap_plot import FIGURES


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Draw trainings, evaluations and benchmarks')
    commands = parser.add_subparsers(dest='plot', required=True)
    add_curves(commands.add_parser('curves', help='loss, mIoU, lr of trainings'))
    add_classes(commands.add_parser('classes', help='bars of a figure by class'))
    add_confusion(commands.add_parser('confusion', help='confusion matrix'))
    add_benchmark(commands.add_parser('benchmark', help='mIoU against multiply-adds'))
    add_trimap(commands.add_parser('trimap', help='mean IoU within bands at borders'))
    for name, command in commands.choices.items():
        command.add_argument(
            '--out', default=f'{name}.png', help='.png, .svg or .pdf (%(default)s)'
        )
        command.add_argument('--title', default='', help='heading')
    return parser.parse_args()


def add_curves(parser: ArgumentParser) -> None:
    """Add the options of the curves of trainings."""
    parser.add_argument(
        'runs', nargs='+', help='work folders, or vis_data/*.json in them'
    )
    parser.add_argument('--labels', nargs='+', help='names in the legend, one per run')
    parser.add_argument(
        '--names', nargs='+', help='what to draw, as in the log (loss mIoU lr)'
    )
    parser.add_argument(
        '--smoothing',
        type=float,
        default=0.0,
        help='of the training loss, from 0 to below 1, as in TensorBoard (%(default)s)',
    )
    parser.set_defaults(
        draw=lambda args: plots.plot_curves(
            args.runs,
            args.out,
            labels=args.labels,
            names=args.names,
            smoothing=args.smoothing,
            title=args.title,
        )
    )


def add_classes(parser: ArgumentParser) -> None:
    """Add the options of the bars by class."""
    parser.add_argument('files', nargs='+', help='metrics.json of each evaluation')
    parser.add_argument('--labels', nargs='+', help='names in the legend, one per file')
    parser.add_argument('--figure', default='IoU', help='such as Recall (%(default)s)')
    parser.add_argument('--sort', action='store_true', help='best class first')
    parser.set_defaults(
        draw=lambda args: plots.plot_classes(
            args.files,
            args.out,
            labels=args.labels,
            figure=args.figure,
            sort=args.sort,
            title=args.title,
        )
    )


def add_confusion(parser: ArgumentParser) -> None:
    """Add the options of the confusion matrix."""
    parser.add_argument('file', help='metrics.json of an evaluation')
    parser.set_defaults(
        draw=lambda args: plots.plot_confusion(args.file, args.out, title=args.title)
    )


def add_benchmark(parser: ArgumentParser) -> None:
    """Add the options of the scatter plot."""
    parser.add_argument(
        'sources',
        nargs='+',
        help='work folders of tools/benchmark_table.py, JSON of tools/benchmark.py, '
        'model indices (.yml), Markdown files with tables',
    )
    parser.add_argument('--x', help='name of a number (multiply-adds)')
    parser.add_argument('--y', help='name of a number (mIoU, or ratio.median)')
    parser.add_argument(
        '--only', nargs='+', default=[], help='texts, one of which a row must contain'
    )
    parser.set_defaults(
        draw=lambda args: plots.plot_scatter(
            args.sources,
            args.out,
            x=args.x,
            y=args.y,
            only=args.only,
            title=args.title,
        )
    )


def add_trimap(parser: ArgumentParser) -> None:
    """Add the options of the trimap curve."""
    parser.add_argument('files', nargs='+', help='metrics.json of each evaluation')
    parser.add_argument('--labels', nargs='+', help='names in the legend, one per file')
    parser.add_argument(
        '--figure', choices=FIGURES, default='mIoU', help='(%(default)s)'
    )
    parser.set_defaults(
        draw=lambda args: plots.plot_trimap(
            args.files,
            args.out,
            labels=args.labels,
            figure=args.figure,
            title=args.title,
        )
    )


def main() -> None:
    """Draw."""
    args = parse_args()
    with launch.one_line_errors():
        args.draw(args)
    print(args.out)


if __name__ == '__main__':
    main()
