"""Train a segmentor; the interface is that of MMSegmentation.

python tools/train.py configs/deeplabv2_r101_cityscapes.py --resume
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.engine.distributed import leave_process_group


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Train a segmentor')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on from the newest whole checkpoint in the work folder, if any; with '
        '--cfg-options load_from=FILE from that file',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (GPU)')
    parser.add_argument(
        '--output-stride',
        type=int,
        choices=[8, 16, 32],
        help="train at this output stride instead of the config's; the rates of the "
        'heads follow',
    )
    parser.add_argument(
        '--mixin',
        nargs='+',
        default=[],
        metavar='NAME',
        help='small changes from configs/_base_/mixins, such as: amp ema ohem; or '
        'paths of .py files of your own',
    )
    launch.add_launch_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Train."""
    args = parse_args()
    enable_safe_loading()
    with launch.one_line_errors():
        cfg = launch.load_config(
            args.config,
            work_dir=args.work_dir,
            cfg_options=args.cfg_options,
            launcher=args.launcher,
            local_rank=args.local_rank,
            mixins=args.mixin,
        )
        resume_from = (args.cfg_options or {}).get('load_from')
        launch.prepare_training(
            cfg,
            resume=args.resume,
            resume_from=resume_from,
            amp=args.amp,
            output_stride=args.output_stride,
        )
    launch.build_runner(cfg).train()
    leave_process_group()


if __name__ == '__main__':
    main()
