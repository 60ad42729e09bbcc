"""Predict images, folders of them, videos and rasters.

python tools/infer.py CONFIG CHECKPOINT INPUT... --out DIR

Instead of CONFIG and CHECKPOINT, one file of tools/export.py will do. An INPUT is a
file, a folder, a quoted pattern, or - for a list of paths on the standard input. The
same command goes on where an earlier run has stopped. docs/inference.md says more.
"""

import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from mmengine.config import DictAction

from mmseg_deeplab import inference
from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(
        description=__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument('arguments', nargs='+', metavar='CONFIG CHECKPOINT INPUT')
    parser.add_argument('--out', required=True, metavar='DIR', help='for the results')
    parser.add_argument(
        '--list', metavar='FILE', help='more inputs: paths, one a line; - is stdin'
    )
    parser.add_argument('--device', help='such as cpu (a GPU where there is one)')
    parser.add_argument('--batch-size', type=int, default=1, help='(%(default)s)')
    parser.add_argument('--tta', action='store_true', help='test-time augmentation')
    parser.add_argument(
        '--crf',
        nargs='?',
        const=True,
        metavar='FILE',
        help="refine the predictions by a dense CRF: the config's own, else the one of "
        'the released ResNet-101, or that of FILE (give it after the inputs)',
    )
    parser.add_argument(
        '--no-crf', action='store_true', help="leave the config's CRF out"
    )
    parser.add_argument('--output-stride', type=int, choices=[8, 16, 32])
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    parser.add_argument(
        '--no-overlay', action='store_true', help='no colours over the images'
    )
    parser.add_argument(
        '--opacity', type=float, default=0.5, help='of the colours (%(default)s)'
    )
    parser.add_argument(
        '--probabilities',
        action='store_true',
        help='also write them: .npy, float16, (classes, height, width)',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='predict finished inputs again'
    )
    add_raster_arguments(parser)
    args = parser.parse_intermixed_args()
    if args.crf and args.no_crf:
        parser.error('--crf and --no-crf exclude each other')
    return args


def add_raster_arguments(parser: ArgumentParser) -> None:
    """Add what says how large inputs are cut."""
    group = parser.add_argument_group('rasters and very large images')
    group.add_argument(
        '--max-pixels', type=int, help='larger images go by windows (25 million)'
    )
    group.add_argument('--window', type=int, help='side in pixels (1024 or 1025)')
    group.add_argument('--overlap', type=int, help='of windows, in pixels')
    group.add_argument(
        '--bands', nargs=3, type=int, help='of red, green and blue, from 1 (1 2 3)'
    )
    group.add_argument(
        '--scale',
        nargs='+',
        metavar='VALUE',
        help='LOW HIGH: what becomes 0 and 255 where there are not 8 bits; or '
        'percentiles',
    )


def predict(args: Namespace) -> inference.Outcome:
    """Find the inputs and predict them."""
    source, inputs = inference.take_model(args.arguments)
    lists = [args.list] if args.list else []
    if '-' in inputs:
        inputs.remove('-')
        lists.append('-')
    raster = dict(
        max_pixels=args.max_pixels,
        window=args.window,
        overlap=args.overlap,
        bands=args.bands and tuple(args.bands),
        scale=raster_scale(args.scale),
    )
    return inference.predict_files(
        source,
        inputs,
        inference.FileOutputs(
            Path(args.out),
            overlays=not args.no_overlay,
            probabilities=args.probabilities,
            opacity=args.opacity,
        ),
        listed=[path for name in lists for path in read_list(name)],
        device=args.device,
        tta=args.tta,
        crf=False if args.no_crf else args.crf,
        output_stride=args.output_stride,
        cfg_options=args.cfg_options,
        overwrite=args.overwrite,
        options=inference.RunOptions(
            batch_size=args.batch_size,
            **{name: value for name, value in raster.items() if value is not None},
        ),
        show_progress=os.environ.get('RANK', '0') == '0',
    )


def read_list(name: str) -> list[str]:
    """Read paths from a file or from the standard input."""
    if name == '-':
        return inference.read_list(sys.stdin)
    if not Path(name).is_file():
        raise FileNotFoundError(f'--list {name}: no such file')
    return inference.read_list(Path(name).read_text().splitlines())


def raster_scale(values: list[str] | None) -> tuple[float, float] | str | None:
    """Read ``LOW HIGH`` or ``percentiles``."""
    if values is None or values == ['percentiles']:
        return values and values[0]
    if len(values) != 2:
        raise ValueError(f'--scale takes LOW HIGH, or percentiles, received {values}')
    return tuple(map(float, values))


def main() -> None:
    """Predict, then say what could not be."""
    args = parse_args()
    enable_safe_loading()
    try:
        with launch.one_line_errors():
            outcome = predict(args)
    except (ImportError, OSError) as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('stopped; the same command goes on from here')
    # Of the processes of tools/dist_infer.sh none reports: it does so at the end.
    if inference.RUN_VARIABLE in os.environ and 'RANK' in os.environ:
        return
    if os.environ.get('RANK', '0') == '0':
        print(outcome.summary())
        sys.exit(1 if outcome.failures else 0)


if __name__ == '__main__':
    main()
