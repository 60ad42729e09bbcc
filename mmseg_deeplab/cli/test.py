"""Test a segmentor; the interface is that of MMSegmentation.

python tools/test.py CONFIG CHECKPOINT --show-dir painted --out label_maps
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.engine.distributed import leave_process_group


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Test (and evaluate) a segmentor')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--out', help='folder for the predicted label maps (PNG)')
    parser.add_argument('--show', action='store_true', help='show in a window')
    parser.add_argument('--show-dir', help='folder for painted images')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds per window (2)'
    )
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument(
        '--crf',
        nargs='?',
        const=True,
        metavar='FILE',
        help="refine the predictions by a dense CRF: the config's own, else the one of "
        'the released ResNet-101, or that of FILE (configs/crf, tools/tune_crf.py)',
    )
    parser.add_argument(
        '--output-stride',
        type=int,
        choices=[8, 16, 32],
        help='evaluate at this output stride, whatever the training had; the rates of '
        'the heads follow',
    )
    parser.add_argument(
        '--mixin',
        nargs='+',
        default=[],
        metavar='NAME',
        help='names in configs/_base_/mixins, such as fast_inference, or files',
    )
    launch.add_launch_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Test."""
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
        launch.prepare_testing(
            cfg,
            args.checkpoint,
            out=args.out,
            show=args.show,
            show_dir=args.show_dir,
            wait_time=args.wait_time,
            tta=args.tta,
            output_stride=args.output_stride,
            crf=args.crf,
        )
    launch.build_runner(cfg).test()
    leave_process_group()


if __name__ == '__main__':
    main()
