"""ONNX Runtime, imported with its telemetry turned off."""

import os
from types import ModuleType

from .optional_packages import optional_package

# ONNX Runtime reads this when it is imported, also by onnxscript.
os.environ['ORT_DISABLE_TELEMETRY'] = '1'


def import_onnxruntime(part: str = '', *, purpose: str) -> ModuleType:
    """Import ONNX Runtime, or a part of it such as ``quantization``.

    No other module imports it. ``purpose`` is what needs it, see
    :func:`~mmseg_deeplab.utils.optional_packages.optional_package`.
    """
    name = f'onnxruntime.{part}' if part else 'onnxruntime'
    return optional_package(name, extra='export', purpose=purpose)
