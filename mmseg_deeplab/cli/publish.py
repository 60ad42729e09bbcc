"""Publish a trained model: its weights alone, one config, and a card.

mmseg-deeplab publish CONFIG CHECKPOINT --out published --license cc-by-4.0

It writes NAME-HASH.pth (or .safetensors), NAME-HASH.py and NAME-HASH.md. With --push
they become a repository on Hugging Face, and hf://OWNER/NAME stands for the model.
"""

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from mmseg_deeplab.utils.errors import InputError

from .arguments import add_config, pick, read_config


def add_arguments(parser: ArgumentParser) -> None:
    add_config(parser, checkpoint=True)
    parser.add_argument('--out', help='folder to write to')
    parser.add_argument(
        '--push',
        metavar='hf://OWNER/NAME',
        help='upload to a repository of Hugging Face, which is made if need be',
    )
    parser.add_argument(
        '--format',
        choices=['pth', 'safetensors'],
        help='format of the weights (pth; with --push safetensors)',
    )
    parser.add_argument('--name', help="name of the model (the config's)")
    parser.add_argument(
        '--license',
        help='licence of the weights for the card, such as cc-by-4.0; not stated if '
        'left out',
    )
    parser.add_argument(
        '--metrics',
        help='metrics.json of the command report, for the card; without it, what the '
        "log of the training says at the checkpoint's iteration",
    )
    parser.add_argument(
        '--ema',
        action=BooleanOptionalAction,
        help='publish the moving average of the weights (what a training with EMAHook '
        'validates, the default there) or the weights that were trained',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace files of the same names'
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.checkpoints.hugging_face import split_reference
    from mmseg_deeplab.hub import publish, push

    if args.push:
        split_reference(args.push)
    elif not args.out:
        raise InputError('give --out DIR, --push hf://OWNER/NAME or both')
    with TemporaryDirectory() as folder:
        published = publish(
            read_config(args),
            args.checkpoint,
            args.out or folder,
            name=args.name or Path(args.config).stem,
            file_format=args.format or ('safetensors' if args.push else 'pth'),
            licence=args.license,
            reference=args.push,
            **pick(args, 'metrics', 'ema', 'overwrite'),
        )
        for part in ('weights', 'config', 'card') if args.out else ():
            print(f'{part:8} {getattr(published, part)}')
        if args.push:
            print(f'pushed   {push(published, args.push, metrics=args.metrics)}')
    if published.note:
        print(f'note: {published.note}')
