"""List the public models that can be used by their names.

mmseg-deeplab models cityscapes

A model's name, or any of its other names, stands for MODEL in predict, test, export,
demo, tune-crf and convert, and for a checkpoint in load_from and init_cfg. The file is
downloaded when it is first used. docs/models.md says more.
"""

import json
from argparse import ArgumentParser, Namespace


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'pattern',
        nargs='?',
        default='*',
        help='part of a name, a data set or a code base; or a pattern with * and ?',
    )
    parser.add_argument(
        '--json', action='store_true', help='all that is known, as JSON'
    )


def run(args: Namespace) -> None:
    from dataclasses import asdict

    from mmseg_deeplab.checkpoints.model_zoo import find_models, models_table

    models = find_models(args.pattern)
    if args.json:
        print(json.dumps([asdict(model) for model in models], indent=1))
    else:
        print(models_table(models))
