"""Write a trained model into one file that predicts without its config and its code.

mmseg-deeplab export MODEL --format onnx --out model.onnx --int8

The file is compared with the network on images of several sizes before it gets its
name. docs/deployment.md says what is inside, and how to use it.
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.utils.errors import InputError

from . import arguments

FORMATS = ('onnx', 'torch_export', 'torchscript')
OUTPUTS = ('labels', 'probabilities')
CALIBRATION_METHODS = ('minmax', 'percentile', 'entropy')
TRAINING_SET = ''


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_config(parser, checkpoint=True)
    parser.add_argument(
        '--format', choices=FORMATS, default='onnx', help='(%(default)s)'
    )
    parser.add_argument('--out', help='file or folder to write (beside the checkpoint)')
    parser.add_argument(
        '--output', choices=OUTPUTS, default='labels', help='(%(default)s)'
    )
    arguments.add_msc(parser)
    arguments.add_output_stride(parser)
    parser.add_argument('--device', default='cpu', help='for the check (%(default)s)')
    int8 = parser.add_argument_group('quantisation, for --format onnx')
    int8.add_argument(
        '--int8',
        nargs='?',
        const=TRAINING_SET,
        metavar='FOLDER',
        help='write a second file in 8 bits, calibrated on the images of a folder (the '
        "config's training set)",
    )
    int8.add_argument('--num-calibration-images', type=int, default=100)
    int8.add_argument(
        '--calibration-method',
        choices=CALIBRATION_METHODS,
        default=CALIBRATION_METHODS[0],
    )
    int8.add_argument(
        '--evaluation-split',
        choices=['val', 'test', 'none'],
        default='test',
        help='labelled images to judge by (%(default)s); none compares the predictions '
        'of both files on the images of the calibration instead',
    )
    int8.add_argument('--num-evaluation-images', type=int, help='(all)')


def run(args: Namespace) -> None:
    if args.int8 is not None and args.format != 'onnx':
        raise InputError(
            f'--int8 goes with --format onnx alone, received {args.format!r}'
        )
    from mmseg_deeplab import export

    names = ('format', 'output', 'device', 'msc', 'output_stride')
    exported = export.export_model(
        args.config,
        args.checkpoint,
        out=args.out or args.folder,
        cfg_options=args.cfg_options,
        **arguments.pick(args, *names),
    )
    print(exported.text())
    if args.int8 is not None:
        result = export.export_int8(
            exported,
            arguments.read_config(args),
            folder=args.int8 or None,
            num_images=args.num_calibration_images,
            method=args.calibration_method,
            split=args.evaluation_split,
            num_evaluation_images=args.num_evaluation_images,
        )
        print(export.int8_text(result))
