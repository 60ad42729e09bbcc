"""Publish a trained model: its weights alone, one config, and a card.

    python tools/publish_model.py CONFIG CHECKPOINT --out published --license cc-by-4.0

writes ``NAME-HASH.pth`` (or ``.safetensors``), ``NAME-HASH.py`` and ``NAME-HASH.md``.
"""

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.prepare import one_line_errors
from mmseg_deeplab.hub import publish


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config that the checkpoint was trained with')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', required=True, help='folder to write to')
    parser.add_argument(
        '--format', choices=['pth', 'safetensors'], default='pth', help='of the weights'
    )
    parser.add_argument('--name', help="of the model (the config's)")
    parser.add_argument(
        '--license',
        help='licence of the weights for the card, such as cc-by-4.0; not stated if '
        'left out',
    )
    parser.add_argument(
        '--metrics',
        help='metrics.json of tools/report.py for the card; without it, what the log '
        "of the training says at the checkpoint's iteration",
    )
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='publish the moving average of the weights (what a training with EMAHook '
        'validates, the default there) or the weights that were trained',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace files of the same names'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    with one_line_errors():
        published = publish(
            read_config(args.config, args.cfg_options),
            args.checkpoint,
            args.out,
            name=args.name or Path(args.config).stem,
            file_format=args.format,
            licence=args.license,
            metrics=args.metrics,
            ema=args.ema,
            overwrite=args.overwrite,
        )
    for part in ('weights', 'config', 'card'):
        print(f'{part:8} {getattr(published, part)}')
    if published.note:
        print(f'note: {published.note}')


if __name__ == '__main__':
    main()
