"""``eval``: a whole evaluation, as ``tools/test.py`` makes it."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import DictAction

from benchmarks.case import Case
from benchmarks.data import DATA_SETS
from benchmarks.evaluation import (
    EVALUATION_COLUMNS,
    MIXINS,
    QUICK_IMAGES,
    Job,
    drawn_jobs,
    evaluation_cases,
    own_job,
)
from benchmarks.folders import folder_or_temporary
from benchmarks.settings import Settings
from mmseg_deeplab.config import prepare as launch

HELP = 'a whole evaluation, from the data loader to the figures'
COLUMNS = EVALUATION_COLUMNS
QUICK = ('camvid',)


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--only', nargs='+', choices=list(DATA_SETS), help='(both)')
    parser.add_argument('--num-images', type=int, help='of each, the first ones')
    parser.add_argument(
        '--folder', help='for the drawn images, kept for the next run (a temporary one)'
    )
    parser.add_argument('--config', help='evaluate this one instead; its model is read')
    parser.add_argument('--checkpoint', help='of --config')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    parser.add_argument(
        '--mixin',
        nargs='*',
        default=list(MIXINS),
        metavar='NAME',
        help='for our side (fast_inference)',
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    with folder_or_temporary(args.folder) as folder:
        jobs = _jobs(args, folder)
        yield from evaluation_cases(settings.torch_device, jobs, folder)


def _jobs(args: Namespace, folder: Path) -> Iterator[Job]:
    if args.config is None:
        yield from drawn_jobs(
            folder,
            names=args.only or (QUICK if args.quick else tuple(DATA_SETS)),
            num_images=args.num_images or (QUICK_IMAGES if args.quick else None),
            mixins=args.mixin,
        )
        return
    if args.checkpoint is None:
        raise ValueError('--config needs --checkpoint, received none')
    launch.check_checkpoint(args.checkpoint)
    yield own_job(
        args.config,
        args.checkpoint,
        options=args.cfg_options,
        num_images=args.num_images,
        mixins=args.mixin,
    )
