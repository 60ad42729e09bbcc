"""ONNX Runtime, imported with its telemetry turned off."""

import os
from types import ModuleType

from .optional_packages import optional_package

# ONNX Runtime reads this when it is imported, also by onnxscript.
os.environ['ORT_DISABLE_TELEMETRY'] = '1'


def import_onnxruntime(part: str = '', *, purpose: str) -> ModuleType:
    """Import ONNX Runtime, or a part such as ``quantization``; nobody else does."""
    name = f'onnxruntime.{part}' if part else 'onnxruntime'
    return optional_package(name, extra='export', purpose=purpose)
