"""Download a model, convert it if need be, and print where its files are.

mmseg-deeplab download deeplabv3plus_r101_cityscapes

What is there already is not downloaded again, and a broken download goes on. The files
are kept in the folder MMSEG_DEEPLAB_HOME, by default ~/.cache/mmseg_deeplab on Linux.
"""

from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'model',
        metavar='MODEL',
        help='name that `mmseg-deeplab models` lists, hf://OWNER/NAME, or URL',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.checkpoints import model_files

    config, checkpoint = model_files(args.model)
    if config is not None:
        print(f'config     {config}')
    print(f'checkpoint {checkpoint}')
