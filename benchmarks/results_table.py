"""Train and test many configs under one protocol; write a table and a scatter plot.

python tools/benchmark_table.py configs/*_camvid.py --work-dir work_dirs/table

A second call goes on where the first stopped and skips finished rows.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmengine.config import DictAction

from benchmarks import table_report, table_run
from mmseg_deeplab import visualization as plots
from mmseg_deeplab.cli.arguments import one_line_errors


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Measure a table of configs')
    parser.add_argument('configs', nargs='*', help='configs to measure, one row each')
    parser.add_argument('--work-dir', required=True, help='folder of the table')
    parser.add_argument('--schedule', help="file in place of every config's schedule")
    parser.add_argument('--steps', type=int, help="length (the schedule's)")
    parser.add_argument('--crop', type=int, nargs=2, help="crops (each config's own)")
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument(
        '--pretrained',
        nargs='*',
        default=[],
        metavar='BACKBONE=FILE',
        help='initial weights by type of backbone; the others start from scratch',
    )
    parser.add_argument(
        '--own-weights',
        action='store_true',
        help='let the others load what their configs name',
    )
    parser.add_argument(
        '--tta-scales', type=float, nargs='*', default=[], help='none: no second test'
    )
    parser.add_argument(
        '--output-stride',
        type=int,
        choices=[8, 16, 32],
        help='test at this output stride, too',
    )
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    parser.add_argument('--document', help='Markdown file to write the table into')
    parser.add_argument('--name', default='camvid', help='of the table in there')
    return parser.parse_args()


def main() -> None:
    """Measure, then write."""
    args = parse_args()
    with one_line_errors():
        protocol = table_run.Protocol(
            crop_size=tuple(args.crop) if args.crop else None,
            batch_size=args.batch_size,
            schedule=args.schedule,
            steps=args.steps,
            pretrained=dict(item.split('=', 1) for item in args.pretrained),
            own_weights=args.own_weights,
            tta_scales=args.tta_scales,
            output_stride=args.output_stride,
            options=args.cfg_options,
        )
        failures = {}
        for config in args.configs:
            print(f'{Path(config).stem} ...', flush=True)
            try:
                row = table_run.run_row(config, args.work_dir, protocol)
            except RuntimeError as error:  # one row; the others go on
                failures[config] = error
                print(f'  failed: {error}', flush=True)
            else:
                print(f'  mIoU {row["mIoU"]:.2f}', flush=True)
        rows = table_report.read_rows(args.work_dir)
        text = f'{table_report.protocol_text(rows)}\n\n{table_report.markdown(rows)}'
        print(text)
        plots.plot_scatter([args.work_dir], Path(args.work_dir) / 'scatter.png')
        if args.document:
            table_report.write_into(args.document, args.name, text)
    if failures:
        raise SystemExit(f'{len(failures)} of {len(args.configs)} rows failed')


if __name__ == '__main__':
    main()
