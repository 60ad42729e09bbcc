"""Train a segmentor.

mmseg-deeplab train deeplabv2_r101_cityscapes --resume

CONFIG may also be a folder of data of your own: `init` then writes a config for it into
the work folder, and --resume takes the one that is there.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError

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
    arguments.add_plan_arguments(
        parser.add_argument_group('for a folder of data, as in `init`')
    )


def run(args: Namespace) -> None:
    # Before torch is imported. Workers share the cores with the network: idle threads
    # of OpenMP spin for microseconds, then sleep. Spinning on, they take what the
    # workers need; sleeping at once, an idle machine is up to twice as slow.
    if 'OMP_WAIT_POLICY' not in os.environ:
        os.environ.setdefault('GOMP_SPINCOUNT', '10000')

    from mmseg_deeplab.config.run_setup import prepare_training, train
    from mmseg_deeplab.engine.distributed import leave_process_group

    plan_training(args)
    cfg = arguments.read_config(args)
    prepare_training(
        cfg,
        resume_from=(args.cfg_options or {}).get('load_from'),
        **arguments.pick(args, 'resume', 'amp', 'output_stride'),
    )
    train(cfg)
    leave_process_group()


def plan_training(args: Namespace) -> None:
    """Put a config that `init` writes in the place of a folder of data."""
    options = arguments.plan_options(args)
    folder = Path(args.config)
    if not folder.is_dir():
        if options:
            raise InputError(
                f'--{next(iter(options))} is for a folder of data; {args.config} is a '
                'config. Remedy: leave it out, and change the config'
            )
        return
    if args.launcher != 'none':
        raise InputError(
            f'{folder}: one process plans. Remedy: mmseg-deeplab init {folder} --out '
            'FILE, then train FILE'
        )
    name = folder.resolve().name
    work_dir = args.work_dir = args.work_dir or f'work_dirs/{name}'
    # Not the work folder itself: mmengine writes the whole config there by this name.
    planned = Path(work_dir) / 'init' / f'{name}.py'
    if args.resume and planned.is_file():
        for option in options:  # the same command may be repeated after each stop
            print(
                f'--{option} changes nothing: --resume goes on with {planned}. Leave '
                '--resume out to plan and train anew',
                file=sys.stderr,
            )
    else:
        from mmseg_deeplab.config.planned_config import write_planned_config

        print(write_planned_config(folder, planned, **options))
    args.config = str(planned)
