"""Evaluate a checkpoint and write metrics, curves and an image grid.

mmseg-deeplab report deeplabv2_r50_camvid work_dirs/x/iter_4000.pth

It writes metrics.json, metrics.txt, curves.png and scenes.png beside the checkpoint,
whose folder is taken as the work folder of the training.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from . import arguments


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_config(parser, checkpoint=True)
    parser.add_argument('--out', help="folder to write to (the checkpoint's)")
    parser.add_argument(
        '--num-scenes', type=int, default=6, help='rows of the image grid (%(default)s)'
    )
    arguments.add_prediction_arguments(parser)
    arguments.add_launch_arguments(parser)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.run_setup import new_run, prepare_testing
    from mmseg_deeplab.visualization.evaluation_report import write_report

    folder = args.folder
    out = Path(args.out or folder)
    cfg = arguments.read_config(args, work_dir=args.work_dir or str(out / 'test'))
    prepare_testing(cfg, args.checkpoint, **arguments.prediction_options(args))
    has_curves = any(folder.glob('*/vis_data/scalars.json'))
    with new_run(cfg) as runner:
        files = write_report(
            runner,
            out,
            curves_from=folder if has_curves else None,
            num_scenes=args.num_scenes,
        )
    print(f'checkpoint {args.checkpoint}')
    for name, file in files.items():
        print(f'{name:10} {file}')
    print((out / 'metrics.txt').read_text().split('\n\n')[0])
