"""The file formats, by name and by suffix."""

from pathlib import Path
from types import ModuleType

from . import onnx_format, torch_export_format, torchscript_format
from .check_file import ExportedFile

# Each module has SUFFIX, write(graph, metadata) and open_file(path, device).
FORMATS: dict[str, ModuleType] = {
    'onnx': onnx_format,
    'torch_export': torch_export_format,
    'torchscript': torchscript_format,
}


def open_exported(path: str | Path, *, device: str = 'cpu') -> ExportedFile:
    """Open a file by its suffix.

    Args:
        path: Of a file written by ``tools/export.py``.
        device: Where to run.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package for its format is missing.
        ValueError: If it is of another format, or was not written by this package.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'exported model {str(path)!r} does not exist (current folder {Path.cwd()})'
        )
    for one in FORMATS.values():
        if path.suffix.lower() == one.SUFFIX:
            return one.open_file(path, device)
    raise ValueError(
        f'{path}: an exported model ends in '
        f'{", ".join(one.SUFFIX for one in FORMATS.values())}'
    )
