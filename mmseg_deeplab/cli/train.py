"""Train a segmentor.

mmseg-deeplab train deeplabv2_r101_cityscapes --resume
"""

from argparse import ArgumentParser, Namespace

from . import arguments


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_config(parser)
    parser.add_argument(
        '--resume',
        action='store_true',
        help='go on from the newest whole checkpoint in the work folder, if any; with '
        '--cfg-options load_from=FILE from that file',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision (GPU)')
    arguments.add_output_stride(parser)
    arguments.add_launch_arguments(parser, mixins=True)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.run_setup import prepare_training, train
    from mmseg_deeplab.engine.distributed import leave_process_group

    cfg = arguments.read_config(args)
    prepare_training(
        cfg,
        resume_from=(args.cfg_options or {}).get('load_from'),
        **arguments.pick(args, 'resume', 'amp', 'output_stride'),
    )
    train(cfg)
    leave_process_group()
