"""Arguments that several commands share."""

import os
import re
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_deeplab.utils.core_count import core_count
from mmseg_deeplab.utils.errors import InputError

if TYPE_CHECKING:
    from mmengine.config import Config


PLAN_OPTIONS = ('model', 'budget', 'pretrained')
# Ends of the names of paths and suffixes, which may consist of digits.
TEXT_ENDS = ('_dir', '_file', '_path', '_root', '_suffix', 'load_from')


class Overrides(Action):
    """``KEY=VALUE ...`` becomes a dict, as by mmengine's ``DictAction``."""

    def __call__(
        self,
        parser: ArgumentParser,
        namespace: Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        """Import mmengine only now, so that a help does not wait for it."""
        from mmengine.config import DictAction

        action = DictAction(self.option_strings, self.dest, nargs=self.nargs)
        for pair in values:
            try:
                action(parser, namespace, [pair], option_string)
            except (AssertionError, RecursionError, ValueError):
                parser.error(
                    f'{option_string} {pair}: expected KEY=VALUE, where VALUE is a '
                    'text, a number, True, False, or a list of these such as [1,2]. '
                    'Remedy: put dicts into a config that inherits this one'
                )
        options = getattr(namespace, self.dest)
        for key, _, text in (pair.partition('=') for pair in values):
            is_text = key.rpartition('.')[2].endswith(TEXT_ENDS)
            is_number = isinstance(options[key], int | float)
            if isinstance(options[key], str) or (is_text and is_number):
                # With its blanks, and not the number that it looks like.
                options[key] = text.strip().strip('\'"')
            elif re.search(r'[^\s,()[\]]\s+[^\s,()[\]]', text):
                parser.error(
                    f'{option_string} {key}={text}: a number or a list cannot hold '
                    'blanks inside its values. Remedy: put it into a config that '
                    'inherits this one'
                )


def add_config(parser: ArgumentParser, *, checkpoint: bool = False) -> None:
    """Add CONFIG and ``--cfg-options``; MODEL for CONFIG where there is a CHECKPOINT.

    :func:`find_model` puts a config and a checkpoint in the place of MODEL.
    """
    config = 'path of a config, or the name of a config of this package'
    if checkpoint:
        parser.add_argument(
            'config',
            metavar='MODEL',
            help='name that `mmseg-deeplab models` lists, hf://OWNER/NAME, URL or file '
            f'of a checkpoint with its config; or CONFIG, {config}',
        )
        parser.add_argument(
            'checkpoint',
            metavar='CHECKPOINT',
            nargs='?',
            help='after CONFIG: name, URL or file of the weights',
        )
    else:
        parser.add_argument('config', help=config)
    add_overrides(parser)


def add_overrides(parser: ArgumentParser) -> None:
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Overrides,
        metavar='KEY=VALUE',
        help='overrides of the config, such as train_dataloader.batch_size=4 or '
        'data_root=FOLDER for all data sets; lists as key=a,b or key="[(a,b),(c,d)]"',
    )


def add_launch_arguments(parser: ArgumentParser, *, mixins: bool = False) -> None:
    """Add what a command takes that runs on one device or on many."""
    if mixins:
        parser.add_argument(
            '--mixin',
            dest='mixins',
            nargs='+',
            default=[],
            metavar='NAME',
            help='small changes from configs/_base_/mixins, such as amp or ema, or '
            'paths of .py files of your own',
        )
    parser.add_argument(
        '--work-dir', help='folder of logs and checkpoints (work_dirs/<config name>)'
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started the processes of a distributed run',
    )
    # Older launchers pass the rank as an option instead of in the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_plan_arguments(parser: Any) -> None:
    """Add what `init` may be told; :func:`plan_options` reads it."""
    parser.add_argument(
        '--model',
        help='network: the name of a file in configs/_base_/models (DeepLab v3+, on '
        'ResNet-50 where there is a GPU, else on MobileNetV2)',
    )
    parser.add_argument(
        '--budget', metavar='TIME', help='time for the training: 90s, 30m, 2h (30m)'
    )
    parser.add_argument(
        '--pretrained',
        metavar='FILE',
        help='initial weights, in place of those that the network downloads; none '
        'trains from scratch',
    )


def plan_options(args: Namespace) -> dict[str, Any]:
    """Return what :func:`add_plan_arguments` has read, as keyword arguments."""
    from mmseg_deeplab.config.planning_rules import parse_duration

    options = {k: v for k, v in pick(args, *PLAN_OPTIONS).items() if v is not None}
    if 'budget' in options:
        options['budget'] = parse_duration(options['budget'])
    return options


def add_prediction_arguments(parser: ArgumentParser) -> None:
    """Add how the network predicts; :func:`prediction_options` reads it."""
    group = parser.add_argument_group('how the network predicts')
    crf = group.add_mutually_exclusive_group()
    crf.add_argument(
        '--crf',
        nargs='?',
        const=True,
        metavar='FILE',
        help='refine the predictions by a dense CRF: that of FILE (see configs/crf and '
        "tune-crf), else the config's, else that of the released ResNet-101",
    )
    crf.add_argument('--no-crf', action='store_true', help="leave the config's CRF out")
    add_msc(group)
    group.add_argument(
        '--fast',
        action='store_true',
        help='fold BatchNorm and use channels_last, as the mixin fast_inference does',
    )
    group.add_argument('--tta', action='store_true', help='test-time augmentation')
    add_output_stride(group)


def add_msc(parser: Any) -> None:
    """Add ``--msc`` to a parser or a group of it."""
    parser.add_argument(
        '--msc',
        action='store_true',
        help='predict at three scales and take the maximum of the logits',
    )


def add_ids(parser: ArgumentParser) -> None:
    """Add ``--ids``."""
    parser.add_argument(
        '--ids',
        choices=['train', 'label'],
        help='values of the masks: 0 to K - 1 as in training, or those of the files of '
        'the data set (labelIds of Cityscapes, 1 to 150 of ADE20K), as servers take',
    )


def add_output_stride(parser: Any) -> None:
    """Add ``--output-stride`` to a parser or a group of it."""
    parser.add_argument(
        '--output-stride',
        type=int,
        choices=[8, 16, 32],
        help="output stride instead of the config's; the rates of the heads follow",
    )


def add_trust(parser: ArgumentParser) -> None:
    """Add ``--trust-program``."""
    parser.add_argument(
        '--trust-program',
        action='store_true',
        help='load a .pt2 or .torchscript file, which is a program and may do anything',
    )


def add_backend(parser: ArgumentParser) -> None:
    """Add ``--backend``."""
    parser.add_argument(
        '--backend',
        choices=['auto', 'torch', 'onnxruntime'],
        default='auto',
        help='what computes the network on a CPU: the faster one for long jobs '
        '(%(default)s), PyTorch, or ONNX Runtime',
    )


def export_network(*args: Any, **kwargs: Any) -> None:
    """Call :func:`mmseg_deeplab.export.export_network`, whose import takes a while."""
    from mmseg_deeplab import export

    export.export_network(*args, **kwargs)


def add_workers(parser: ArgumentParser) -> None:
    """Add ``--workers``."""
    parser.add_argument(
        '--workers',
        type=int,
        default=min(8, core_count()),
        help='number of processes; 0 reads in this one (%(default)s)',
    )


def find_model(args: Namespace) -> None:
    """Put the config and the checkpoint of MODEL into the arguments.

    ``args.folder`` is where results go that lie beside a checkpoint: the current folder
    if the checkpoint is in a cache.
    """
    from mmseg_deeplab.inference import take_model

    given = [args.config, *([args.checkpoint] if args.checkpoint else [])]
    source, rest = take_model(given)
    if rest:
        raise InputError(f'{given[0]!r} is a whole model: leave out {rest[0]!r}')
    if source.config is None:
        raise InputError(
            f'{source.checkpoint} is an exported file, which is only for prediction. '
            'Remedy: give the model that it was made of'
        )
    is_own = Path(given[-1]).is_file()
    args.folder = Path(given[-1]).parent if is_own else Path()
    args.config, args.checkpoint = source.config, source.checkpoint


def pick(args: Namespace, *names: str) -> dict[str, Any]:
    """Return the arguments of these names that the command has."""
    return {name: getattr(args, name) for name in names if name in args}


def prediction_options(args: Namespace) -> dict[str, Any]:
    """Return what :func:`add_prediction_arguments` has read, as keyword arguments."""
    options = pick(args, 'msc', 'fast', 'tta', 'output_stride')
    return {'crf': False if args.no_crf else args.crf, **options}


def read_config(args: Namespace, **others: Any) -> 'Config':
    """Read the config with the overrides and mixins of the command line.

    ``others`` are used instead of those in ``args``.
    """
    from mmseg_deeplab import config

    if 'local_rank' in args:
        os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    options = pick(args, 'work_dir', 'launcher', 'mixins') | others
    return config.read_config(args.config, args.cfg_options, **options)
