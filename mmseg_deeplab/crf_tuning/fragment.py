"""Write a CRF as a config fragment, which ``tools/test.py --crf FILE`` reads."""

import io
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole

# Up to as many classes the compatibility is readable in the file itself (VOC: 21).
MAX_LISTED_CLASSES = 21
DIGITS = 6  # of each number


def round_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Round all numbers of a CRF config to what the file will hold."""
    return {name: _rounded(value) for name, value in settings.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f'{value:.{DIGITS}g}')
    if hasattr(value, 'tolist'):  # an array or a tensor
        return _rounded(value.tolist())
    if isinstance(value, list | tuple):
        return [_rounded(part) for part in value]
    return value


def write_fragment(path: Path, settings: dict[str, Any], *, docstring: str) -> None:
    """Write ``crf = dict(...)`` below a docstring.

    A compatibility of more than 21 classes goes to ``<name>_compatibility.npy`` beside
    the file, which names it by mmengine's ``{{ fileDirname }}``: the two work from any
    folder, and may be moved together.

    Args:
        path: Python file to write.
        settings: The CRF's config.
        docstring: What it was made from.
    """
    settings = dict(settings)
    compatibility = settings.get('compatibility')
    if isinstance(compatibility, list) and len(compatibility) > MAX_LISTED_CLASSES:
        array = path.with_name(f'{path.stem}_compatibility.npy')
        stream = io.BytesIO()
        np.save(stream, np.array(compatibility, dtype=np.float32))
        write_whole(stream.getvalue(), array)
        settings['compatibility'] = f'{{{{ fileDirname }}}}/{array.name}'
    lines = [f'    {name}={_source(value)},' for name, value in settings.items()]
    text = docstring.replace('\\', '/').replace('"""', "'''")
    content = f'"""{text}\n"""\n\ncrf = dict(\n' + '\n'.join(lines) + '\n)\n'
    write_whole(content.encode(), path)


def _source(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list):
        rows = ''.join(f'        {row},\n' for row in value)
        return f'[\n{rows}    ]'
    return repr(value)
