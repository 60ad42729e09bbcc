"""``mmengine.load`` reads ``.pkl`` and ``.yaml`` as data; its own handlers run code.

Importing this module replaces them by mmengine's registry of handlers.
"""

from typing import Any, BinaryIO, TextIO

import yaml
from mmengine.fileio import PickleHandler, YamlHandler, register_handler

from .safe_unpickling import unpickle


@register_handler(['pkl', 'pickle'])
class DataPickleHandler(PickleHandler):
    """Reads plain data and numpy's arrays; whatever else the caller asks for."""

    def load_from_fileobj(self, file: BinaryIO, **_: Any) -> Any:
        """Return the content of an open file."""
        return unpickle(file.read())


@register_handler(['yaml', 'yml'])
class DataYamlHandler(YamlHandler):
    """Reads YAML's own types, and no objects of Python."""

    def load_from_fileobj(self, file: TextIO, **_: Any) -> Any:
        """Return the content of an open file."""
        return yaml.load(file, getattr(yaml, 'CSafeLoader', yaml.SafeLoader))
