"""Show what models make of images in a web page.

python tools/web_demo.py configs/deeplabv2_r26_synthetic_streets.py \
    work_dirs/quickstart/iter_1400.pth
"""

from argparse import ArgumentParser, Namespace

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.inference import split_models


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        'models',
        nargs='+',
        metavar='CONFIG CHECKPOINT',
        help='one or several models; a file of tools/export.py needs no CONFIG',
    )
    parser.add_argument('--device', default='cpu', help='such as cuda:0 (%(default)s)')
    parser.add_argument('--examples', metavar='DIR', help='images to start with')
    parser.add_argument(
        '--max-megabytes', type=float, default=20, help='of a file (%(default)s)'
    )
    parser.add_argument(
        '--max-megapixels', type=float, default=16, help='of an image (%(default)s)'
    )
    parser.add_argument(
        '--queue-size', type=int, default=20, help='jobs that may wait (%(default)s)'
    )
    parser.add_argument('--host', default='127.0.0.1', help='(%(default)s)')
    parser.add_argument('--port', type=int, default=7860, help='(%(default)s)')
    parser.add_argument(
        '--root-path', default='', help='path of the page behind a reverse proxy'
    )
    return parser.parse_args()


def main() -> None:
    """Load the models and serve the page until Ctrl-C."""
    args = parse_args()
    with launch.one_line_errors():
        sources = split_models(args.models)
        try:
            from mmseg_deeplab import web_demo
        except ImportError as error:
            raise ValueError(error) from error

        limits = web_demo.Limits(
            args.max_megabytes, args.max_megapixels, args.queue_size
        )
        models = web_demo.open_models(sources, device=args.device)
        if args.examples:
            examples = web_demo.folder_examples(args.examples, max_pixels=limits.pixels)
        else:
            examples = web_demo.street_examples(sources[0].config)
        page = web_demo.serving(
            models,
            examples=examples,
            limits=limits,
            host=args.host,
            port=args.port,
            root_path=args.root_path,
        )
        with page as served:
            web_demo.serve(served)


if __name__ == '__main__':
    main()
