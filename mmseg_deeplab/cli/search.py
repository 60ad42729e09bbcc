"""Search an architecture in Auto-DeepLab's space.

mmseg-deeplab search autodeeplab_search_synthetic_streets

The work folder gets architecture.jsonl and architecture.png: how the search decides.
"""

from argparse import ArgumentParser, Namespace

from .arguments import (
    add_config,
    add_launch_arguments,
    one_line_errors,
    read_config,
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_config(parser)
    parser.add_argument(
        '--resume', action='store_true', help='go on from the newest whole checkpoint'
    )
    add_launch_arguments(parser, mixins=True)


def run(args: Namespace) -> None:
    """Search, draw the plot, and name the next command."""
    from mmseg_deeplab.config.runner_setup import build_runner
    from mmseg_deeplab.config.training_setup import prepare_training
    from mmseg_deeplab.visualization.architecture_plot import plot_architecture

    with one_line_errors():
        cfg = read_config(args)
        if cfg.model.type != 'ArchitectureSearchSegmentor':
            raise ValueError(
                f'{args.config}: model.type={cfg.model.type!r} is trained, not '
                'searched: take `mmseg-deeplab train`, or a config with '
                'ArchitectureSearchSegmentor'
            )
        prepare_training(cfg, resume=args.resume)
    build_runner(cfg).train()
    plot_architecture(cfg.work_dir, f'{cfg.work_dir}/architecture.png')
    print(f'{cfg.work_dir}: next, mmseg-deeplab decode {cfg.work_dir}')
