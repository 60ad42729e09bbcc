"""``.torchscript``: a traced module, for C++ programs with LibTorch."""

import io
import json
import warnings
from pathlib import Path

import torch

from .graph import PredictionGraph
from .metadata import ExportMetadata
from .torch_export_format import EXAMPLE
from .torch_file import METADATA_FILE, TorchFile, read_metadata
from .traceable import quiet_resize

SUFFIX = '.torchscript'


def write(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of the file.

    Args:
        graph: In evaluation, on the CPU.
        metadata: Goes into the file.
    """
    image = torch.zeros(EXAMPLE, dtype=torch.uint8)
    with torch.no_grad(), quiet_resize(), warnings.catch_warnings():
        # Conditions on sizes become constants: the check runs other sizes.
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        warnings.simplefilter('ignore', DeprecationWarning)
        traced = torch.jit.trace(graph, image, check_trace=False)
    content, text = io.BytesIO(), json.dumps(metadata.to_text())
    torch.jit.save(traced, content, _extra_files={METADATA_FILE: text})
    return content.getvalue()


def open_file(path: str | Path, device: str = 'cpu') -> TorchFile:
    """Load a module.

    Args:
        path: Of a file written by :func:`write`.
        device: Where to run.

    Raises:
        ValueError: If the file holds no meta data of this package.
    """
    metadata = read_metadata(path)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        program = torch.jit.load(str(path), map_location=device)
    return TorchFile(program, metadata, device)
