"""Evaluate a checkpoint on the test split.

mmseg-deeplab test MODEL --show-dir painted --out masks
"""

from argparse import ArgumentParser, Namespace

from . import arguments


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_config(parser, checkpoint=True)
    parser.add_argument('--out', help='folder for the predicted masks (PNG)')
    parser.add_argument(
        '--format-only',
        action='store_true',
        help='only write the masks of --out, with the ids that the server of the data '
        'set takes; no label is read',
    )
    arguments.add_ids(parser)
    parser.add_argument('--show', action='store_true', help='show in a window')
    parser.add_argument('--show-dir', help='folder for painted images')
    parser.add_argument(
        '--wait-time', type=float, default=2, help='seconds per window (%(default)s)'
    )
    arguments.add_prediction_arguments(parser)
    arguments.add_launch_arguments(parser, mixins=True)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.run_setup import prepare_testing, test
    from mmseg_deeplab.engine.distributed import leave_process_group

    cfg = arguments.read_config(args)
    prepare_testing(
        cfg,
        args.checkpoint,
        **arguments.pick(
            args, 'out', 'format_only', 'ids', 'show', 'show_dir', 'wait_time'
        ),
        **arguments.prediction_options(args),
    )
    test(cfg)
    leave_process_group()
