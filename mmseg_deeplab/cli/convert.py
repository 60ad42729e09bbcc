"""Convert weights of another code base: a checkpoint and its config.

    python tools/convert_weights.py kazuto1011 deeplabv2_resnet101_msc.pth voc12.pth

writes ``voc12.pth`` (``backbone.*``, ``decode_head.*``) and ``voc12.py`` (the
segmentor it loads into).
"""

import argparse

from mmseg_deeplab.checkpoints import SOURCES, convert_file


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('source', choices=sorted(SOURCES), help='family of the weights')
    parser.add_argument('src', help='checkpoint to read; of tensorflow: model.ckpt')
    parser.add_argument('dst', help='checkpoint to write; the config goes beside it')
    parser.add_argument(
        '--output-stride',
        type=int,
        default=8,
        choices=(8, 16, 32),
        help='of the config (8); docs/weights.md says what each network is trained at',
    )
    parser.add_argument(
        '--num-summed',
        type=int,
        help='resnet_multi: 2 for files trained by AdaptSegNet, which sums 2 branches',
    )
    parser.add_argument(
        '--use-averages',
        action='store_true',
        help='tensorflow: the moving averages of the weights instead of the weights',
    )
    parser.add_argument(
        '--fc-branches',
        type=int,
        help='caffe, initial weights on VGG16: branches to start from its fc6 and fc7',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    wanted = dict(use_averages=args.use_averages, fc_branches=args.fc_branches)
    convert_options = {name: value for name, value in wanted.items() if value}
    options = {} if args.num_summed is None else dict(num_summed=args.num_summed)
    written = convert_file(
        args.source,
        args.src,
        args.dst,
        output_stride=args.output_stride,
        convert_options=convert_options,
        **options,
    )
    print('wrote', *written)


if __name__ == '__main__':
    main()
