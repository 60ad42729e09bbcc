"""Convert weights of another code base into a checkpoint and its config.

mmseg-deeplab convert kazuto1011 deeplabv2_resnet101_msc.pth voc12.pth

It writes voc12.pth (backbone.*, decode_head.*) and voc12.py (the segmentor that it
loads into). docs/weights.md lists the code bases and their files.
"""

from argparse import ArgumentParser, Namespace

SOURCES = (
    'bowenc0221', 'caffe', 'detectron2', 'jfzhang95', 'kazuto1011', 'resnet_multi',
    'smp', 'tensorflow', 'torchvision', 'transformers', 'vainf',
)  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'source',
        choices=('auto', *SOURCES),
        help='code base of the weights; auto finds it by their names',
    )
    parser.add_argument(
        'src',
        help='checkpoint to read: a file (tensorflow: model.ckpt), URL, or a name that '
        '`mmseg-deeplab models` lists',
    )
    parser.add_argument('dst', help='checkpoint to write; the config goes beside it')
    parser.add_argument(
        '--output-stride',
        type=int,
        default=8,
        choices=(8, 16, 32),
        help='output stride of the config (%(default)s); docs/weights.md says what '
        'each network is trained at',
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
    parser.add_argument(
        '--encoder-name',
        help='smp: the encoder, for one of timm (tu-NAME); the config.json beside SRC '
        'tells it too',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.checkpoints import convert_file, published_file
    from mmseg_deeplab.utils.errors import InputError

    wanted = dict(use_averages=args.use_averages, fc_branches=args.fc_branches)
    options = dict(num_summed=args.num_summed, encoder_name=args.encoder_name)
    options = {name: value for name, value in options.items() if value is not None}
    src = published_file(args.src)
    try:
        written = convert_file(
            args.source,
            src,
            args.dst,
            output_stride=args.output_stride,
            convert_options={name: value for name, value in wanted.items() if value},
            **options,
        )
    except InputError as error:
        if src in str(error):
            raise
        raise InputError(f'{src}: {error}') from error
    print('wrote', *written)
