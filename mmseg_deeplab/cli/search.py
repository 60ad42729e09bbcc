"""Search an architecture in Auto-DeepLab's space.

mmseg-deeplab search search/auto_deeplab_synthetic_streets

The work folder gets architecture.jsonl and architecture.png: how the search decides.
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.utils.errors import InputError

from . import arguments


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_config(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on from the newest whole checkpoint'
    )
    arguments.add_launch_arguments(parser, mixins=True)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.run_setup import prepare_training, train
    from mmseg_deeplab.visualization.architecture_plot import plot_architecture

    cfg = arguments.read_config(args)
    if cfg.model.type != 'ArchitectureSearchSegmentor':
        raise InputError(
            f'{args.config}: model.type={cfg.model.type!r} is trained, not '
            'searched: take `mmseg-deeplab train`, or a config with '
            'ArchitectureSearchSegmentor'
        )
    prepare_training(cfg, resume=args.resume)
    train(cfg)
    plot_architecture(cfg.work_dir, f'{cfg.work_dir}/architecture.png')
    print(f'{cfg.work_dir}: next, mmseg-deeplab decode {cfg.work_dir}')
