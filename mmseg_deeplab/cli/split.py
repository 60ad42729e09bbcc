"""Divide a folder of images into lists for training, validation and test.

mmseg-deeplab split mydata --val 0.2

Images that are the same, or nearly, stay in one split. It writes train.txt and val.txt,
test.txt with --test, fold0_train.txt and so on with --folds, and a report, split.json.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.local_paths import require_local

from .arguments import Overrides, add_workers

FOLDER_OPTIONS = ('labels_file', 'img_suffix', 'seg_map_suffix', 'reduce_zero_label')


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('folder', metavar='DIR', help='folder with images and labels')
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        '--val', type=float, default=0.2, help='part for validation (%(default)s)'
    )
    parts.add_argument('--folds', type=int, metavar='K', help='cross-validation')
    add(
        '--test',
        type=float,
        default=0.0,
        help='part that is held out for the test (none; an existing test.txt is kept)',
    )
    add(
        '--group-by',
        metavar='PATTERN',
        help='regular expression: images in whose names its first group is the same '
        'stay in one split',
    )
    add(
        '--stratify', action='store_true', help='spread the images of each class evenly'
    )
    add('--seed', type=int, default=0, help='a different seed gives a different split')
    add(
        '--similar',
        type=float,
        default=0.9,
        help='similarity from which images stay together; above 1 only files of equal '
        'content do (%(default)s)',
    )
    add('--overwrite', action='store_true', help='replace lists that are there already')
    add(
        '--cfg-options',
        nargs='+',
        action=Overrides,
        default={},
        metavar='KEY=VALUE',
        help=f'how the folder is read: {", ".join(FOLDER_OPTIONS)}',
    )
    add_workers(parser)


def run(args: Namespace) -> None:
    from mmseg_deeplab.config.data_summary import find_class_list
    from mmseg_deeplab.datasets.split_folder import SplitOptions, split_folder

    require_local(args.folder, 'DIR')
    if unknown := args.cfg_options.keys() - set(FOLDER_OPTIONS):
        raise InputError(
            f'--cfg-options {min(unknown)}: expected {", ".join(FOLDER_OPTIONS)}'
        )
    options = SplitOptions(
        val=args.val,
        test=args.test,
        folds=args.folds,
        group_by=args.group_by,
        stratify=args.stratify,
        seed=args.seed,
        similar=args.similar,
        overwrite=args.overwrite,
    )
    data = dict(args.cfg_options)
    if 'labels_file' not in data:
        data['labels_file'] = find_class_list(Path(args.folder))
    print(split_folder(args.folder, options, workers=args.workers, **data))
