"""Predict many files with one model into one folder."""

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmseg_deeplab.config import read_config
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.listing import some
from mmseg_deeplab.utils.progress import Progress

from .backends import Job, choose_backend
from .file_run import FileRun, RunOptions
from .input_files import InputFile, find_inputs
from .model_source import load_predictor
from .output_files import FileOutputs
from .output_folder import (
    describe,
    open_folder,
    record_time,
    recorded,
    remove_parts,
    write_record,
)
from .panoptic_files import count_instances
from .predictor import ModelSource, Predictor

MAX_NAMES = 5  # files listed for one reason why they are left out


@dataclass(frozen=True)
class Outcome:
    """What became of the inputs."""

    folder: Path  # of the outputs
    total: int  # number of inputs
    failures: dict[str, str]  # paths that could not be predicted, with the reasons
    left_out: dict[str, str]  # paths that are no inputs, with the reasons
    instances: dict[str, int]  # of a panoptic model: how many of each class

    def summary(self) -> str:
        """Return what to tell the user; the failures come last."""
        done = self.total - len(self.failures)
        lines = [f'{self.folder}: {done} of {self.total} inputs are predicted']
        if self.instances:
            found = (f'{count} {name}' for name, count in self.instances.items())
            lines.append(f'instances: {", ".join(found)}')
        if self.failures:
            lines.append(f'{len(self.failures)} failed:')
        for path, reason in self.failures.items():
            lines.append(f'  {reason if path in reason else f"{path}: {reason}"}')
        return '\n'.join(lines + self._left_out())

    def _left_out(self) -> list[str]:
        """Count what is left out by its reason."""
        paths: dict[str, list[str]] = {}
        for path, why in self.left_out.items():
            paths.setdefault(why, []).append(path)
        return [
            f'{len(found)} left out, as {why}: {some(found, MAX_NAMES)}'
            for why, found in paths.items()
        ]


def world() -> tuple[int, int]:
    """Return the rank of this process and the number of processes of torchrun."""
    return int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))


def predict_files(
    source: ModelSource,
    inputs: Sequence[str],
    outputs: FileOutputs,
    *,
    listed: Iterable[str] = (),
    device: str | None = None,
    tta: bool = False,
    crf: str | bool | None = None,
    msc: bool = False,
    output_stride: int | None = None,
    cfg_options: dict[str, Any] | None = None,
    overwrite: bool = False,
    options: RunOptions | None = None,
    ray: str | None = None,
    actors: int | None = None,
    backend: str = 'auto',
    export_network: Callable[..., None] | None = None,
    show_progress: bool = True,
) -> Outcome:
    """Predict images, videos and rasters, and go on where an earlier run has stopped.

    Finished outputs are skipped. A folder with predictions of another model or with
    other options is refused. Nothing is written before the model is loaded. Of the
    processes that torchrun starts, each predicts every n-th input.

    Args:
        source: The model.
        inputs: Files, folders and glob patterns.
        outputs: Where outputs go, and which there are.
        listed: More files, which need not exist: those that do not are failures.
        device: By default a GPU where there is one, one for each process.
        tta, crf, msc, output_stride, cfg_options: See :func:`load_predictor`.
        overwrite: Predict all inputs again, whatever the folder holds.
        options: Batches, workers, and how large inputs are cut.
        ray: Predict on Ray: the address of a cluster, ``''`` for ``RAY_ADDRESS`` or
            this machine.
        actors: How many processes of Ray hold the model; by default one for each GPU.
        backend: What computes the network, see :func:`choose_backend`. ``'auto'`` is
            that of earlier outputs in the folder, if there are any, and PyTorch where
            several processes predict, or without ``export_network``.
        export_network: :func:`mmseg_deeplab.export.export_network`, which lies in a
            higher layer.
        show_progress: Whether to show a progress bar.

    Raises:
        ValueError: If there is no input, two would have one output, the folder holds
            other predictions, or the model lacks what is asked for.
        DeviceError: If the model fails for another reason than the file.
    """
    options, folder = options or RunOptions(), outputs.folder
    choices = dict(
        tta=tta,
        crf=crf,
        msc=msc,
        output_stride=output_stride,
        cfg_options=cfg_options or {},
    )
    label_ids = _ids_of_labels(source, cfg_options) if outputs.ids == 'label' else None
    root = earlier = None
    if not overwrite:
        root, earlier = recorded(folder, 'root'), recorded(folder, 'backend')
    if backend == 'auto':
        several = ray is not None or world()[1] > 1
        backend = earlier or ('torch' if several and source.config else 'auto')
    root, items, left_out = find_inputs(inputs, listed=listed, out=folder, root=root)
    record = _record(source, outputs, options, choices, root=root, backend=backend)
    since = open_folder(folder, record, overwrite=overwrite)
    prepare = partial(_prepare, export_network, record)
    if since in (0, math.inf):
        begun = time.time() if overwrite else 0.0
        prepare = partial(prepare, begin=partial(write_record, folder, begun=begun))
    load = partial(load_predictor, source, **choices)
    run = FileRun(load, outputs, options, since=since, device=device, prepare=prepare)
    run.label_ids = label_ids
    own, predict = _share(run, items, ray, actors)
    remove_parts(folder, {item.name for item in own})
    hidden = not show_progress
    with Progress('predict', len(own), unit='files', disable=hidden) as bar:
        failures = predict(own, on_step=bar.advance)
    if (begun := record_time(folder)) is not None:
        outputs.finish(since=begun)
    segments = [outputs.path(item, 'panoptic', '.json') for item in own]
    instances = count_instances(segments)
    return Outcome(folder, len(own), failures, left_out, instances)


def _record(
    source: ModelSource,
    outputs: FileOutputs,
    options: RunOptions,
    choices: dict[str, Any],
    **others: Any,
) -> dict[str, Any]:
    """Return what the predictions depend on."""
    others |= dict(opacity=outputs.opacity, ids=outputs.ids)
    if outputs.polygons and outputs.simplify:
        others['simplify'] = outputs.simplify
    return describe(source, choices | others | options.recorded())


def _share(
    run: FileRun, items: list[InputFile], ray: str | None, actors: int | None
) -> tuple[list[InputFile], Callable[..., dict[str, str]]]:
    """Return the inputs of this process, and the function that predicts them."""
    if ray is not None:
        from .ray_cluster import predict_on_ray

        return items, partial(predict_on_ray, run, address=ray, actors=actors)
    rank, processes = world()
    return items[rank::processes], run.run


def _ids_of_labels(
    source: ModelSource, cfg_options: dict[str, Any] | None
) -> Callable[[int], list[int]]:
    """Return what gives the ids of K classes in the files of the data set."""
    if source.config is None:
        raise InputError(
            f'{source.checkpoint}: --ids label needs the config, which names the data '
            'set; an exported file has none. Remedy: give CONFIG CHECKPOINT'
        )
    return partial(_label_ids, source.config, cfg_options)


def _label_ids(
    config: str, cfg_options: dict[str, Any] | None, num_classes: int
) -> list[int]:
    from mmseg_deeplab.config.label_ids import label_ids  # it imports data sets

    return label_ids(read_config(config, cfg_options), num_classes)


def _prepare(
    export_network: Callable[..., None] | None,
    record: Mapping[str, Any],
    predictor: Predictor,
    job: Job,
    *,
    begin: Callable[[Mapping[str, Any]], None] = lambda record: None,
) -> None:
    """Choose the backend of a loaded model, and ``begin`` the folder of the outputs."""
    backend = choose_backend(
        predictor, record['backend'], job, made_of=record, export=export_network
    )
    begin(dict(record, backend=backend))
