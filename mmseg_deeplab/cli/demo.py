"""Show in a web page what models predict for images.

mmseg-deeplab demo deeplabv2_r26_synthetic_streets work_dirs/quickstart/iter_1000.pth
"""

from argparse import ArgumentParser, Namespace

from .arguments import add_backend, add_trust, pick


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add(
        'models',
        nargs='+',
        metavar='MODEL',
        help='one or several models: names that `mmseg-deeplab models` lists, URLs, '
        'files, CONFIG CHECKPOINT',
    )
    add_trust(parser)
    add_backend(parser)
    add('--device', default='cpu', help='such as cuda:0 (%(default)s)')
    add('--examples', metavar='DIR', help='images to start with')
    add('--max-megabytes', type=float, default=20, help='limit of a file (%(default)s)')
    add(
        '--max-megapixels',
        type=float,
        default=16,
        help='limit of an image (%(default)s)',
    )
    add('--queue-size', type=int, default=20, help='jobs that may wait (%(default)s)')
    add('--max-seconds', type=float, default=120, help='limit of a job (%(default)s)')
    add('--host', default='127.0.0.1', help='(%(default)s)')
    add('--port', type=int, default=7860, help='(%(default)s)')
    add('--root-path', default='', help='path of the page behind a reverse proxy')


def run(args: Namespace) -> None:
    from mmseg_deeplab import web_demo
    from mmseg_deeplab.inference import split_models

    sources = split_models(args.models, trust_program=args.trust_program)
    limits = web_demo.Limits(args.max_megabytes, args.max_megapixels, args.queue_size)
    models = web_demo.open_models(sources, **pick(args, 'device', 'backend'))
    if args.examples:
        examples = web_demo.folder_examples(args.examples, max_pixels=limits.pixels)
    else:
        examples = web_demo.street_examples(sources[0].config)
    page = web_demo.serving(
        models,
        examples=examples,
        limits=limits,
        **pick(args, 'host', 'port', 'root_path'),
    )
    with page as served:
        web_demo.serve(served)
