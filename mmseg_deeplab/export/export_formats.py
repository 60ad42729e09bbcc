"""Writers of the three file formats: ONNX, ``torch.export`` and TorchScript."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_deeplab.inference.exported import INPUT, METADATA_FILE, ExportMetadata
from mmseg_deeplab.utils.optional_packages import optional_package

from .graph import PredictionGraph, quiet_resize

# `catch_warnings` around the calls would not be safe with threads. These say that
# conditions on sizes become constants: the check of the written file runs other sizes.
warnings.filterwarnings('ignore', category=torch.jit.TracerWarning)
warnings.filterwarnings('ignore', message='`torch.jit.trace')
warnings.filterwarnings('ignore', message='.*treespec, LeafSpec')  # torch's own calls

# ONNX 1.13 (2022): read by ONNX Runtime from 1.14 on and by TensorRT from 8.6 on.
OPSET = 18
FREE_SIZES = ('batch', 'height', 'width')


def write_onnx(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of an ``.onnx`` file. The graph is on the CPU."""
    model = onnx_model(graph, graph.example(), metadata.outputs)
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


def onnx_model(
    graph: nn.Module,
    example: Tensor,
    outputs: Sequence[str] | None = None,
    *,
    free: Sequence[int] = (0, 1, 2),
) -> Any:
    """Export a module to an ONNX model whose input has ``free`` dimensions."""
    for name in ('onnx', 'onnxscript'):
        optional_package(name, extra='export', purpose='The export to ONNX')
    program = _program(graph, example, free)
    with quiet():
        exported = torch.onnx.export(
            program,
            (example,),
            input_names=[INPUT],
            output_names=outputs and list(outputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    return exported.model_proto


def with_metadata(content: bytes, metadata: ExportMetadata) -> bytes:
    """Return the content of an ``.onnx`` file with other metadata."""
    import onnx

    model = onnx.load_from_string(content)
    model.producer_name, model.producer_version = metadata.package, metadata.version
    onnx.helper.set_model_props(model, metadata.to_text())
    return model.SerializeToString()


def write_program(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of a ``.pt2`` file."""
    content = io.BytesIO()
    files = {METADATA_FILE: json.dumps(metadata.to_text())}
    torch.export.save(_program(graph, graph.example()), content, extra_files=files)
    return content.getvalue()


def write_torchscript(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of a ``.torchscript`` file, for programs with LibTorch."""
    with torch.no_grad(), quiet_resize(), quiet():
        traced = torch.jit.trace(graph, graph.example(), check_trace=False)
    content = io.BytesIO()
    files = {METADATA_FILE: json.dumps(metadata.to_text())}
    torch.jit.save(traced, content, _extra_files=files)
    return content.getvalue()


# Suffix, and what returns the content.
FORMATS: dict[str, tuple[str, Callable[[PredictionGraph, ExportMetadata], bytes]]] = {
    'onnx': ('.onnx', write_onnx),
    'torch_export': ('.pt2', write_program),
    'torchscript': ('.torchscript', write_torchscript),
}


def _program(
    graph: nn.Module, example: Tensor, free: Sequence[int] = (0, 1, 2)
) -> torch.export.ExportedProgram:
    """Return the program of a graph, for any batch size, height and width."""
    dynamic = dict.fromkeys(free, torch.export.Dim.DYNAMIC)
    with torch.no_grad(), quiet_resize():
        program = torch.export.export(graph, (example,), dynamic_shapes=(dynamic,))
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # it names files of this machine
    return program


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the exporter's and the quantiser's reports of their steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
