"""``.pt2``: a program of ``torch.export``."""

import io
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from .graph import PredictionGraph
from .metadata import ExportMetadata
from .torch_file import METADATA_FILE, TorchFile, read_metadata
from .traceable import quiet_resize

SUFFIX = '.pt2'
# Not square, odd, and deep maps still larger than 1: what is special about the example
# must not become a condition of the program.
EXAMPLE = (2, 97, 131, 3)
NO_PICKLES = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


def capture(graph: PredictionGraph) -> torch.export.ExportedProgram:
    """Return the program of a graph, for any batch, height and width.

    Args:
        graph: In evaluation, on the CPU.
    """
    free = torch.export.Dim.DYNAMIC
    image = torch.zeros(EXAMPLE, dtype=torch.uint8)
    with torch.no_grad(), quiet_resize():
        program = torch.export.export(
            graph, (image,), dynamic_shapes=({0: free, 1: free, 2: free},)
        )
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # it names files of this machine
    return program


def write(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of the file.

    Args:
        graph: In evaluation, on the CPU.
        metadata: Goes into the file.
    """
    content = io.BytesIO()
    text = json.dumps(metadata.to_text())
    torch.export.save(capture(graph), content, extra_files={METADATA_FILE: text})
    return content.getvalue()


def open_file(path: str | Path, device: str = 'cpu') -> TorchFile:
    """Load a program.

    Args:
        path: Of a file written by :func:`write`.
        device: Where to run.

    Raises:
        ValueError: If the file holds no meta data of this package; when it is called,
            if an image is too small.
    """
    metadata = read_metadata(path)
    with _no_pickles(), warnings.catch_warnings():
        warnings.simplefilter('ignore', UserWarning)  # of read-only buffers
        program = torch.export.load(Path(path))
    if device != 'cpu':
        program = torch.export.passes.move_to_device_pass(program, device)
    module = program.module()

    def run(image: Tensor) -> Tensor:
        try:
            return module(image)
        except AssertionError as error:  # a condition of the program
            raise ValueError(
                f'{path}: cannot take images of {tuple(image.shape[1:3])} pixels, '
                f'({error}). Remedy: larger images, or a file of --format onnx'
            ) from error

    return TorchFile(run, metadata, device)


@contextmanager
def _no_pickles() -> Iterator[None]:
    """Let ``torch.load`` refuse code; ``torch.export.load`` asks it not to."""
    before = os.environ.get(NO_PICKLES)
    os.environ[NO_PICKLES] = '1'
    try:
        yield
    finally:
        os.environ.pop(NO_PICKLES)
        if before is not None:
            os.environ[NO_PICKLES] = before
