"""int8 by ONNX Runtime's static quantisation."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.optional_packages import optional_package

from .onnx_format import INPUT, quiet

METHODS = ('minmax', 'percentile', 'entropy')
# What carries features from one convolution to the next. Normalisation before the first
# and the upsampling behind the last stay in float32, or neighbouring classes would tie.
OPERATORS = ('Add', 'AveragePool', 'Clip', 'Concat', 'Conv', 'MaxPool', 'Pad', 'Relu')


def quantize(
    model: bytes, images: Iterable[np.ndarray], *, method: str = 'minmax'
) -> bytes:
    """Return a model whose convolutions compute in 8 bits.

    Weights are int8 with a scale for each output channel, activations uint8 with one
    scale each, in the QDQ form that ONNX Runtime and TensorRT read.

    Args:
        model: An ONNX file's content.
        images: ``(H, W, 3)`` uint8 RGB, by which the ranges of the activations are
            found.
        method: ``'minmax'`` takes all that occurs; ``'percentile'`` and ``'entropy'``
            cut rare values, and keep all activations of all images in memory.

    Raises:
        ImportError: If ONNX Runtime is missing.
        ValueError: If ``method`` is another word.
    """
    if method not in METHODS:
        raise ValueError(f'method must be one of {METHODS}, received {method!r}')
    purpose = 'Quantisation to int8'
    for package in ('onnx', 'onnxruntime.quantization'):
        quantization = optional_package(package, extra='export', purpose=purpose)
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, quiet():
        source, ready, out = (Path(folder) / f'{n}.onnx' for n in 'abc')
        source.write_bytes(model)
        quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(ready),
            str(out),
            _reader(quantization, images),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            per_channel=True,
            # On x86 the kernels for uint8 x int8 are up to ten times as fast as those
            # for int8 x int8.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=_method(quantization, method),
        )
        return out.read_bytes()


def _reader(quantization: Any, images: Iterable[np.ndarray]) -> Any:
    """Return what ONNX Runtime asks for images."""

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self._images = iter(images)

        def get_next(self) -> dict[str, np.ndarray] | None:
            image = next(self._images, None)
            return None if image is None else {INPUT: image[None]}

    return Reader()


def _method(quantization: Any, name: str) -> Any:
    methods = quantization.CalibrationMethod
    found = methods.MinMax, methods.Percentile, methods.Entropy
    return dict(zip(METHODS, found, strict=True))[name]
