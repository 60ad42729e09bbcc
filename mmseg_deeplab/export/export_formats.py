"""Writers of the three file formats: ONNX, ``torch.export`` and TorchScript."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from mmseg_deeplab.inference.export_metadata import ExportMetadata
from mmseg_deeplab.inference.exported import INPUT, METADATA_FILE
from mmseg_deeplab.utils.optional_packages import optional_package

from .any_size import quiet_resize
from .graph import PredictionGraph

# ONNX 1.13 (2022): read by ONNX Runtime from 1.14 on and by TensorRT from 8.6 on.
OPSET = 18
FREE_SIZES = ('batch', 'height', 'width')
# The example is not square, has odd sides, and its deepest maps are larger than 1, so
# that nothing special about it becomes a condition of the program.
EXAMPLE = (2, 97, 131, 3)


def write_onnx(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of an ``.onnx`` file, for ONNX Runtime, TensorRT and others.

    Args:
        graph: In evaluation mode, on the CPU.
        metadata: Goes into the file.

    Raises:
        ImportError: If a package for it is missing.
    """
    for name in ('onnx', 'onnxscript'):
        optional_package(name, extra='export', purpose='The export to ONNX')
    program = _program(graph)
    with quiet():
        exported = torch.onnx.export(
            program,
            (_example(),),
            input_names=[INPUT],
            output_names=[metadata.output],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    model = exported.model_proto
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    names = {dim.dim_param: name for dim, name in zip(sizes, FREE_SIZES, strict=False)}
    for value in (*model.graph.input, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)
    for part in (model.graph, *model.graph.node):
        del part.metadata_props[:]  # for debugging
    del model.graph.value_info[:]  # has the old names
    return with_metadata(model.SerializeToString(), metadata)


def with_metadata(content: bytes, metadata: ExportMetadata) -> bytes:
    """Return the content of an ``.onnx`` file with other metadata."""
    import onnx

    model = onnx.load_from_string(content)
    model.producer_name, model.producer_version = metadata.package, metadata.version
    onnx.helper.set_model_props(model, metadata.to_text())
    return model.SerializeToString()


def write_program(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of a ``.pt2`` file; see :func:`write_onnx`."""
    content = io.BytesIO()
    torch.export.save(_program(graph), content, extra_files=_extra_files(metadata))
    return content.getvalue()


def write_torchscript(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of a ``.torchscript`` file, for C++ programs with LibTorch.

    See :func:`write_onnx`.
    """
    # The warnings say that conditions on sizes become constants; the check of the
    # written file runs other sizes.
    with torch.no_grad(), quiet_resize(), quiet():
        traced = torch.jit.trace(graph, _example(), check_trace=False)
    content = io.BytesIO()
    torch.jit.save(traced, content, _extra_files=_extra_files(metadata))
    return content.getvalue()


class Format(NamedTuple):
    """A file format."""

    suffix: str
    write: Callable[[PredictionGraph, ExportMetadata], bytes]


FORMATS = {
    'onnx': Format('.onnx', write_onnx),
    'torch_export': Format('.pt2', write_program),
    'torchscript': Format('.torchscript', write_torchscript),
}


def _example() -> torch.Tensor:
    return torch.zeros(EXAMPLE, dtype=torch.uint8)


def _extra_files(metadata: ExportMetadata) -> dict[str, str]:
    return {METADATA_FILE: json.dumps(metadata.to_text())}


def _program(graph: PredictionGraph) -> torch.export.ExportedProgram:
    """Return the program of a graph, for any batch size, height and width."""
    free = torch.export.Dim.DYNAMIC
    with torch.no_grad(), quiet_resize():
        program = torch.export.export(
            graph, (_example(),), dynamic_shapes=({0: free, 1: free, 2: free},)
        )
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # it names files of this machine
    return program


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's and the quantiser's reports of their steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            yield
        finally:
            logging.disable(before)
