"""Write a trained model into one file that predicts without its config and its code.

python tools/export.py CONFIG CHECKPOINT --format onnx --out model.onnx --int8

The file is compared with the network on images of several sizes before it gets its
name. docs/deployment.md says what is inside, and how to use it.
"""

import sys
from argparse import ArgumentParser, Namespace

from mmengine.config import DictAction

from mmseg_deeplab import export
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.config_file import read_config

TRAINING_SET = ''


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Write a trained model into one file')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument(
        '--format', choices=list(export.FORMATS), default='onnx', help='(%(default)s)'
    )
    parser.add_argument('--out', help='file to write (beside the checkpoint)')
    parser.add_argument(
        '--output', choices=export.OUTPUTS, default='labels', help='(%(default)s)'
    )
    parser.add_argument(
        '--output-stride',
        type=int,
        choices=[8, 16, 32],
        help='export at this output stride, whatever the training had',
    )
    parser.add_argument('--device', default='cpu', help='for the check (%(default)s)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    int8 = parser.add_argument_group('quantisation, for --format onnx')
    int8.add_argument(
        '--int8',
        nargs='?',
        const=TRAINING_SET,
        metavar='FOLDER',
        help="a second file in 8 bits, calibrated on a folder's images (the config's "
        'training set)',
    )
    int8.add_argument('--num-calibration-images', type=int, default=export.NUM_IMAGES)
    int8.add_argument(
        '--calibration-method', choices=list(export.METHODS), default='minmax'
    )
    int8.add_argument('--evaluation-split', choices=['val', 'test'], default='test')
    int8.add_argument('--num-evaluation-images', type=int, help='(all)')
    return parser.parse_args()


def main() -> None:
    """Export, check, quantise."""
    args = parse_args()
    try:
        with launch.one_line_errors():
            write_files(args)
    except ImportError as error:  # of a package of the extra `export`
        sys.exit(f'error: {error}')


def write_files(args: Namespace) -> None:
    """Write the file and, if asked for, the one in 8 bits."""
    if args.int8 is not None and args.format != 'onnx':
        raise ValueError(
            f'--int8 goes with --format onnx alone, received {args.format!r}'
        )
    exported = export.export_model(
        args.config,
        args.checkpoint,
        format=args.format,
        out=args.out,
        output=args.output,
        device=args.device,
        output_stride=args.output_stride,
        cfg_options=args.cfg_options,
    )
    print(exported.text())
    if args.int8 is not None:
        print(quantise(exported, args))


def quantise(exported: export.Export, args: Namespace) -> str:
    """Write the second file and return its metrics."""
    result = export.export_int8(
        exported,
        read_config(args.config, args.cfg_options),
        folder=args.int8 or None,
        num_images=args.num_calibration_images,
        method=args.calibration_method,
        split=args.evaluation_split,
        num_evaluation_images=args.num_evaluation_images,
    )
    return export.int8_text(result)


if __name__ == '__main__':
    main()
