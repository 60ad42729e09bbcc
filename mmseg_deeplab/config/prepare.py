"""What the commands still share; it moves to the cli package."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mmengine.config import Config, DictAction

from .config_checks import check_checkpoint, check_class_weights, check_data
from .config_file import read_config
from .crf_settings import load_crf
from .prediction_options import enable_crf, enable_tta, take_lean_segmentor
from .runner_setup import build_runner, prepare_device, replace_sync_bn
from .testing_setup import paint_predictions, prepare_testing, write_predictions
from .training_setup import enable_amp, prepare_training

__all__ = [
    'add_launch_arguments',
    'build_runner',
    'check_checkpoint',
    'check_class_weights',
    'check_data',
    'enable_amp',
    'enable_crf',
    'enable_tta',
    'load_config',
    'load_crf',
    'one_line_errors',
    'paint_predictions',
    'prepare_device',
    'prepare_testing',
    'prepare_training',
    'replace_sync_bn',
    'take_lean_segmentor',
    'write_predictions',
]


def add_launch_arguments(parser: ArgumentParser) -> None:
    """Add the options that training and testing share.

    Args:
        parser: Gets ``--work-dir``, ``--cfg-options``, ``--launcher`` and
            ``--local-rank``.
    """
    parser.add_argument(
        '--work-dir', help='folder for logs and checkpoints (work_dirs/<config name>)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, such as train_dataloader.batch_size=4; '
        'lists as key=a,b or key="[(a,b),(c,d)]" without blanks',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started the processes of a distributed run',
    )
    # Older launchers pass the rank as an option instead of in the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line instead of a traceback for a user's mistake.

    Only for the steps before the run, where ValueError, TypeError and
    FileNotFoundError are messages of this package.
    """
    try:
        yield
    except (ValueError, TypeError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')


def load_config(
    config: str,
    *,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = 'none',
    local_rank: int = 0,
    mixins: Sequence[str] = (),
) -> Config:
    """Call :func:`read_config`; the local rank is set for older launchers."""
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    return read_config(
        config, cfg_options, mixins=mixins, work_dir=work_dir, launcher=launcher
    )
