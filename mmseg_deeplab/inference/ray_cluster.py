"""Predict files with Ray Data: actors hold the model, blocks of paths go to them."""

import logging
import math
import os
from collections.abc import Callable, Sequence

import numpy as np

from mmseg_deeplab.utils.errors import DeviceError, InputError
from mmseg_deeplab.utils.optional_packages import optional_package

from .file_run import FileRun
from .input_files import InputFile

STOPPING = {error.__name__: error for error in (DeviceError, InputError)}
BLOCK = 64  # inputs; what an actor that dies has not finished is at most this much


class FileActor:
    """Predicts blocks of files and writes their outputs, in the command's folder."""

    def __init__(self, run: FileRun, folder: str) -> None:
        os.chdir(folder)
        self._run = run

    def __call__(self, block: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict ``path`` and ``name``; return ``path`` and ``reason`` ('': done).

        An error that stops the run is returned with its ``kind``: Ray's own hides it.
        """
        items = list(map(InputFile, map(str, block['path']), map(str, block['name'])))
        kind = ''
        try:
            failures = self._run.run(items)
            reasons = [failures.get(item.path, '') for item in items]
        except tuple(STOPPING.values()) as error:
            kind = next(n for n, found in STOPPING.items() if isinstance(error, found))
            reasons = [str(error)] * len(items)
        columns = dict(reason=reasons, kind=[kind] * len(items))
        columns = {name: np.array(c, dtype=object) for name, c in columns.items()}
        return dict(path=block['path'], **columns)


def predict_on_ray(
    run: FileRun,
    items: Sequence[InputFile],
    *,
    address: str = '',
    actors: int | None = None,
    on_step: Callable[..., None] = lambda *_, **__: None,
) -> dict[str, str]:
    """Predict files on a Ray cluster, and write the outputs where they are computed.

    All machines see inputs, model and outputs under the same paths. Ray starts an actor
    that has died again, and gives it its block: finished outputs are skipped. By
    default there is an actor for each GPU or, without any, for each machine.
    """
    ray = optional_package('ray', extra='ray', purpose='--ray')
    data = optional_package('ray.data', extra='ray', purpose='--ray')
    if not ray.is_initialized():
        ray.init(address=address or None, logging_level=logging.WARNING)
    gpus = int(ray.cluster_resources().get('GPU', 0))
    actors = actors or gpus or len(ray.nodes())
    size = max(1, min(BLOCK, math.ceil(len(items) / (4 * actors))))
    rows = [dict(path=item.path, name=item.name) for item in items]
    found = data.from_items(
        rows, override_num_blocks=math.ceil(len(rows) / size)
    ).map_batches(
        FileActor,
        fn_constructor_args=(run, os.getcwd()),
        batch_size=size,
        compute=data.ActorPoolStrategy(size=actors),
        num_gpus=1 if gpus else 0,
    )
    failures: dict[str, str] = {}
    for row in found.iter_rows():
        if row['kind']:
            raise STOPPING[row['kind']](row['reason'])
        on_step(1)
        if row['reason']:
            failures[row['path']] = row['reason']
    return failures
