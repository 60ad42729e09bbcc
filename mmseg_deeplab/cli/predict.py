"""Predict images, folders of them, videos and rasters.

mmseg-deeplab predict MODEL INPUT... --out DIR

MODEL is a name that `mmseg-deeplab models` lists, hf://OWNER/NAME, a URL, an exported
file, a checkpoint with its config, or the two arguments CONFIG CHECKPOINT. An INPUT is
a file, a folder, a quoted pattern, or - for a list of paths on the standard input. The
same command goes on where an earlier run has stopped. docs/inference.md says more.
"""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.local_paths import require_local

from . import arguments

TAKES_ADDRESSES = True  # for --out


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('arguments', nargs='+', metavar='MODEL INPUT')
    add('--out', required=True, metavar='DIR', help='for the results')
    add('--list', metavar='FILE', help='more inputs: paths, one a line; - is stdin')
    add('--device', help='such as cpu (a GPU where there is one)')
    arguments.add_backend(parser)
    add('--batch-size', type=int, default=1, help='(%(default)s)')
    add('--workers', type=int, help='threads that read images (at most 4)')
    add(
        '--ray',
        nargs='?',
        const='',
        metavar='ADDRESS',
        help='predict on a Ray cluster: ADDRESS, such as auto or ray://HOST:10001; '
        'without one RAY_ADDRESS, else Ray on this machine',
    )
    add('--actors', type=int, help='with --ray: processes that hold the model')
    arguments.add_overrides(parser)
    arguments.add_trust(parser)
    arguments.add_ids(parser)
    add('--no-overlay', action='store_true', help='no colours over the images')
    add('--opacity', type=float, default=0.5, help='of the colours (%(default)s)')
    add(
        '--probabilities',
        action='store_true',
        help='also write them: .npy, float16, (classes, height, width)',
    )
    add(
        '--polygons',
        choices=['coco', 'labelme', 'geojson'],
        help='also write outlines of the areas, for annotation tools and for maps',
    )
    add(
        '--simplify',
        type=float,
        default=0.0,
        metavar='PIXELS',
        help='how far outlines may be from the edges of the areas (%(default)s)',
    )
    add('--overwrite', action='store_true', help='predict finished inputs again')
    arguments.add_prediction_arguments(parser)
    group = parser.add_argument_group('rasters and very large images')
    group.add_argument(
        '--max-pixels',
        type=int,
        help='larger images are predicted in windows (25 million)',
    )
    group.add_argument('--window', type=int, help='side in pixels (1024 or 1025)')
    group.add_argument('--overlap', type=int, help='overlap of windows in pixels')
    group.add_argument(
        '--bands',
        nargs='+',
        type=int,
        help='red, green and blue, from 1 (1 2 3), or as many as the network reads',
    )
    group.add_argument(
        '--scale',
        nargs='+',
        metavar='VALUE',
        help='LOW HIGH: what becomes 0 and 255 where there are not 8 bits; or '
        'percentiles',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.inference import world
    from mmseg_deeplab.inference.output_folder import RECORD
    from mmseg_deeplab.utils.remote_files import begin_upload, is_remote, upload

    rank, processes = world()
    address = args.out if is_remote(args.out) else None
    if address is None:
        require_local(args.out, '--out')
    else:
        args.out = begin_upload(address, RECORD)
    try:
        outcome = predict(args)
        if address is not None:
            upload(args.out, address)
    except KeyboardInterrupt:
        sys.exit('stopped; the same command goes on from here')
    share = f'process {rank} of {processes}: ' if processes > 1 else ''
    print(f'{share}{outcome.summary()}')
    # Another status would make torchrun stop the other processes. tools/dist_infer.sh
    # ends with one process that tries the bad files again and has the right status.
    sys.exit(1 if outcome.failures and processes == 1 else 0)


def predict(args: Namespace) -> object:
    """Find the inputs and predict them."""
    from mmseg_deeplab import inference

    source, inputs = inference.take_model(
        args.arguments, trust_program=args.trust_program
    )
    lists = [args.list] if args.list else []
    if '-' in inputs:
        inputs.remove('-')
        lists.append('-')
    listed = []
    for name in lists:
        content = sys.stdin.buffer.read() if name == '-' else Path(name).read_bytes()
        listed += inference.read_list(content, name)
    given = arguments.pick(
        args, 'batch_size', 'workers', 'max_pixels', 'window', 'overlap'
    )
    given['bands'] = args.bands and tuple(args.bands)
    given['scale'] = raster_scale(args.scale)
    options = arguments.prediction_options(args)
    del options['fast']  # a prediction always is
    return inference.predict_files(
        source,
        inputs,
        inference.FileOutputs(
            Path(args.out),
            overlays=not args.no_overlay,
            probabilities=args.probabilities,
            opacity=args.opacity,
            ids=args.ids or 'train',
            polygons=args.polygons,
            simplify=args.simplify,
        ),
        listed=listed,
        options=inference.RunOptions(
            **{name: value for name, value in given.items() if value is not None}
        ),
        export_network=arguments.export_network,
        show_progress=inference.world()[0] == 0,
        **arguments.pick(args, 'device', 'backend', 'cfg_options'),
        **arguments.pick(args, 'overwrite', 'ray', 'actors'),
        **options,
    )


def raster_scale(values: list[str] | None) -> tuple[float, float] | str | None:
    """Read ``LOW HIGH`` or ``percentiles``."""
    if values is None or values == ['percentiles']:
        return values and values[0]
    if len(values) != 2:
        raise InputError(f'--scale takes LOW HIGH, or percentiles, received {values}')
    return tuple(map(float, values))
