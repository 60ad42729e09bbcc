"""Draw figures of evaluations.

python tools/plot.py trimap before.json after.json --labels before after --out curve.png
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.apis import launch, trimap_curve


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Draw figures of evaluations')
    plots = parser.add_subparsers(dest='plot', required=True)
    add_trimap(plots.add_parser('trimap', help='mean IoU within bands around borders'))
    return parser.parse_args()


def add_trimap(parser: ArgumentParser) -> None:
    """Add the options of the trimap curve."""
    parser.add_argument('files', nargs='+', help='metrics.json of each evaluation')
    parser.add_argument('--labels', nargs='+', help='names in the legend, one per file')
    parser.add_argument('--out', default='trimap.png', help='picture (%(default)s)')
    parser.add_argument(
        '--figure', choices=trimap_curve.FIGURES, default='mIoU', help='(%(default)s)'
    )
    parser.add_argument('--title', default='', help='heading')
    parser.set_defaults(draw=draw_trimap)


def draw_trimap(args: Namespace) -> None:
    """Draw the trimap curve."""
    trimap_curve.plot_trimap(
        args.files,
        args.out,
        labels=args.labels,
        figure=args.figure,
        title=args.title,
    )


def main() -> None:
    """Draw."""
    args = parse_args()
    with launch.one_line_errors():
        args.draw(args)
    print(args.out)


if __name__ == '__main__':
    main()
