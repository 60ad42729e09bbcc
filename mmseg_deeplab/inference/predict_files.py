"""Predict many files with one model into one folder."""

import os
import uuid
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device

from mmseg_deeplab.engine.distributed import require_one_gpu_each

from .claims import Claims
from .file_outputs import FileOutputs
from .file_run import FileRun
from .inputs import InputFile, find_inputs
from .journal import Journal
from .model_source import ModelSource
from .predictor import load_predictor
from .run_options import RunOptions
from .settings import claim_folder, describe, digest

# Set by tools/dist_infer.sh: processes of one run do not repeat each other's failures.
RUN_VARIABLE = 'MMSEG_DEEPLAB_RUN'


@dataclass(frozen=True)
class Outcome:
    """What became of the inputs.

    Args:
        folder: Of the outputs.
        total: Number of inputs.
        failures: Those that could not be predicted, with the reasons.
    """

    folder: Path
    total: int
    failures: dict[InputFile, str]

    def summary(self) -> str:
        """Return what to tell the user; the failures at the end."""
        done = self.total - len(self.failures)
        lines = [f'{self.folder}: {done} of {self.total} inputs are predicted']
        if self.failures:
            lines.append(f'{len(self.failures)} failed:')
        for item, reason in self.failures.items():
            named = '' if item.path in reason else f'{item.path}: '
            lines.append(f'  {named}{reason}')
        return '\n'.join(lines)


def predict_files(
    source: ModelSource,
    inputs: Sequence[str],
    outputs: FileOutputs,
    *,
    listed: Iterable[str] = (),
    device: str | None = None,
    tta: bool = False,
    crf: str | bool | None = None,
    output_stride: int | None = None,
    cfg_options: dict[str, Any] | None = None,
    overwrite: bool = False,
    options: RunOptions | None = None,
    show_progress: bool = True,
) -> Outcome:
    """Predict images, videos and rasters, and go on where an earlier run has stopped.

    A folder with predictions of another model or with other options is refused. Several
    processes may work on one folder: each file is predicted once, and what a process
    had in hand when it died is done by another one.

    Args:
        source: The model.
        inputs: Files, folders and glob patterns.
        outputs: Where to, and what.
        listed: More files, which need not exist: those that do not are failures.
        device: By default a GPU where there is one, in a distributed run one each.
        tta: As for :func:`load_predictor`.
        crf: As for :func:`load_predictor`.
        output_stride: As for :func:`load_predictor`.
        cfg_options: As for :func:`load_predictor`.
        overwrite: Predict all of them again, whatever the folder holds.
        options: Batches, and how large inputs are cut.
        show_progress: Whether to show a bar.

    Raises:
        FileNotFoundError: If an input, the config or the checkpoint is missing.
        ValueError: If there is no input, two would have one output, the folder holds
            other predictions, or the model cannot be had as asked for.
        OSError: If an output cannot be written.
    """
    options = options or RunOptions()
    items = find_inputs(inputs, listed=listed, out=outputs.folder)
    choices = dict(
        tta=tta, crf=crf, output_stride=output_stride, cfg_options=cfg_options or {}
    )
    record = describe(
        source, dict(choices, opacity=outputs.opacity, **options.what_counts())
    )
    with closing(Claims(outputs.folder)) as claims:
        claim_folder(outputs.folder, record, overwrite=overwrite)
        with closing(_open_journal(outputs.folder, record, overwrite)) as journal:
            journal.check_names(items)
            files = FileRun(
                lambda: load_predictor(
                    source, device=device or default_device(), **choices
                ),
                outputs=outputs,
                journal=journal,
                claims=claims,
                options=options,
                show_progress=show_progress,
            )
            return Outcome(outputs.folder, len(items), files.run(items))


def _open_journal(folder: Path, record: dict[str, Any], overwrite: bool) -> Journal:
    run = os.environ.get(RUN_VARIABLE) or uuid.uuid4().hex
    return Journal(folder, settings=digest(record), run=run, fresh=overwrite)


def default_device() -> str:
    """Return the GPU of this process of a distributed run, else mmengine's choice.

    Raises:
        ValueError: If there are more processes than GPUs.
    """
    if torch.cuda.is_available() and 'LOCAL_RANK' in os.environ:
        require_one_gpu_each('pytorch')
        return f'cuda:{os.environ["LOCAL_RANK"]}'
    return get_device()
