"""``.onnx``: for ONNX Runtime and what else reads ONNX."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_deeplab.utils.optional_packages import optional_package

from .graph import PredictionGraph
from .metadata import ExportMetadata
from .torch_export_format import EXAMPLE, capture

SUFFIX = '.onnx'
# ONNX 1.13 (2022): read by ONNX Runtime from 1.14 on and by TensorRT from 8.6 on.
OPSET = 18
INPUT = 'image'
FREE = ('batch', 'height', 'width')
LAST_STEPS = ('ArgMax', 'Softmax', 'Sigmoid')


def write(graph: PredictionGraph, metadata: ExportMetadata) -> bytes:
    """Return the content of the file.

    Args:
        graph: In evaluation, on the CPU.
        metadata: Goes into the file.

    Raises:
        ImportError: If the packages for it are missing.
    """
    for name in ('onnx', 'onnxscript'):
        optional_package(name, extra='export', purpose='The export to ONNX')
    program = capture(graph)
    with quiet():
        exported = torch.onnx.export(
            program,
            (torch.zeros(EXAMPLE, dtype=torch.uint8),),
            input_names=[INPUT],
            output_names=[metadata.output],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    return _finished(exported.model_proto, metadata).SerializeToString()


def with_metadata(content: bytes, metadata: ExportMetadata) -> bytes:
    """Return a model with other meta data.

    Args:
        content: Of the file.
        metadata: Replaces what is there.
    """
    import onnx

    model = onnx.load_from_string(content)
    _add_metadata(model, metadata)
    return model.SerializeToString()


def _finished(model: Any, metadata: ExportMetadata) -> Any:
    """Name the free sizes, add the meta data, drop what was for debugging."""
    image = model.graph.input[0].type.tensor_type.shape.dim
    names = {dim.dim_param: name for dim, name in zip(image, FREE, strict=False)}
    for value in (*model.graph.input, *model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)
    for part in (model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    del model.graph.value_info[:]  # with the old names
    _add_metadata(model, metadata)
    return model


def _add_metadata(model: Any, metadata: ExportMetadata) -> None:
    import onnx

    model.producer_name, model.producer_version = metadata.package, metadata.version
    onnx.helper.set_model_props(model, metadata.to_text())


class OnnxFile:
    """An ONNX Runtime session that takes and gives arrays.

    Args:
        source: Path of the file, or its content.
        device: ``'cpu'`` or ``'cuda'``, with a number or without.
        name: Of the file, for messages.
        threads: Of one operator; None leaves it to ONNX Runtime.

    Raises:
        ImportError: If ONNX Runtime is missing.
        ValueError: If the file cannot be read or holds no meta data of this package,
            or ONNX Runtime has no such device.
    """

    def __init__(
        self,
        source: str | Path | bytes,
        device: str = 'cpu',
        *,
        name: str | None = None,
        threads: int | None = None,
    ) -> None:
        self.path = name or source
        self._source = source if isinstance(source, bytes) else str(source)
        self._device, self._threads = device, threads
        self._scores: Any = None
        self.session = self._session(self._source)
        properties = self.session.get_modelmeta().custom_metadata_map
        self.metadata = ExportMetadata.from_text(properties, path=self.path)

    def _session(self, source: str | bytes) -> Any:
        runtime = optional_package(
            'onnxruntime', extra='export', purpose='Prediction with an ONNX file'
        )
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors
        if self._threads is not None:
            options.intra_op_num_threads = self._threads
        providers = _providers(runtime, self._device)
        try:
            return runtime.InferenceSession(source, options, providers=providers)
        except Exception as error:  # each fault has a class of its own, of no base
            raise ValueError(
                f'{self.path}: ONNX Runtime cannot read it: {error}. Remedy: copy or '
                'export it again'
            ) from error

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Predict ``(N, H, W, 3)`` uint8."""
        return self.session.run(None, {INPUT: image})[0]

    def with_scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the result and the scores that it was made of."""
        if self._scores is None:
            self._scores = self._session(_with_scores(self._source))
        result, scores = self._scores.run(None, {INPUT: image})
        height, width = image.shape[1:3]
        return result, scores[..., :height, :width]


def _with_scores(source: str | bytes) -> bytes:
    """Make what the last argmax, softmax or sigmoid is given an output of the graph."""
    import onnx

    load = onnx.load_from_string if isinstance(source, bytes) else onnx.load
    model = load(source)
    last = [node for node in model.graph.node if node.op_type in LAST_STEPS][-1]
    output = onnx.helper.make_empty_tensor_value_info(last.input[0])
    model.graph.output.append(output)
    return model.SerializeToString()


open_file = OnnxFile


@contextmanager
def quiet() -> Iterator[None]:
    """Keep exporter and quantiser from telling of their steps."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)


def _providers(runtime: Any, device: str) -> list[Any]:
    kind, _, number = device.partition(':')
    if kind == 'cpu':
        return ['CPUExecutionProvider']
    if kind != 'cuda':
        raise ValueError(f"device must be 'cpu' or 'cuda', received {device!r}")
    if 'CUDAExecutionProvider' not in runtime.get_available_providers():
        raise ValueError(
            f'device={device!r}: the installed ONNX Runtime has '
            f'{runtime.get_available_providers()} alone. Remedy: pip install '
            "onnxruntime-gpu in place of onnxruntime, or device='cpu'"
        )
    return [('CUDAExecutionProvider', dict(device_id=int(number or 0)))]
