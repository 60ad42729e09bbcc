"""Evaluate a checkpoint and write metrics, curves and an image grid.

    python tools/report.py configs/deeplabv2_r50_camvid.py work_dirs/x/iter_4000.pth

writes ``metrics.json``, ``metrics.txt``, ``curves.png`` and ``scenes.png`` beside the
checkpoint, whose folder is taken as the work folder of the training.
"""

import argparse
from pathlib import Path

from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.visualization import evaluation_report as report


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='weights to evaluate')
    parser.add_argument('--out', help="folder to write to (the checkpoint's)")
    parser.add_argument(
        '--num-scenes', type=int, default=6, help='rows of the image grid'
    )
    launch.add_launch_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    enable_safe_loading()
    folder = Path(args.checkpoint).parent
    out = Path(args.out or folder)
    with launch.one_line_errors():
        cfg = launch.load_config(
            args.config,
            work_dir=args.work_dir or str(out / 'test'),
            cfg_options=args.cfg_options,
            launcher=args.launcher,
            local_rank=args.local_rank,
        )
        launch.prepare_testing(cfg, args.checkpoint)
    files = report.write_report(
        launch.build_runner(cfg),
        out,
        curves_from=folder if any(folder.glob('*/vis_data/scalars.json')) else None,
        num_scenes=args.num_scenes,
    )
    print(f'checkpoint {args.checkpoint}')
    for name, file in files.items():
        print(f'{name:10} {file}')
    print((out / 'metrics.txt').read_text().split('\n\n')[0])


if __name__ == '__main__':
    main()
