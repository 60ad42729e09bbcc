"""Write a CRF as a config fragment, which ``mmseg-deeplab test --crf FILE`` reads."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_deeplab.utils.atomic_files import write_whole

# Up to so many classes (those of VOC) the compatibility is listed in the file itself.
MAX_LISTED_CLASSES = 21
DIGITS = 6  # significant digits of each number


def plain_settings(settings: dict[str, Any], num_iterations: int) -> dict[str, Any]:
    """Return the config of a CRF as the file will hold it: rounded, not learnable.

    Args:
        settings: The config of a ``DenseCRF``.
        num_iterations: Mean-field iterations of the result.
    """
    left_out = ('learnable', 'num_classes')
    text = json.dumps({n: v for n, v in settings.items() if n not in left_out})
    plain = json.loads(text, parse_float=lambda t: float(f'{float(t):.{DIGITS}g}'))
    return dict(plain, num_iterations=num_iterations)


def write_fragment(path: Path, settings: dict[str, Any], *, docstring: str) -> None:
    """Write ``crf = dict(...)`` below a docstring.

    A compatibility of more than 21 classes goes to ``<name>_compatibility.npy`` beside
    the file, which names it by mmengine's ``{{ fileDirname }}``. So the two work from
    any folder, and may be moved together.

    Args:
        path: The Python file to write.
        settings: The config of the CRF.
        docstring: What the CRF was made from.
    """
    settings = dict(settings)
    compatibility = settings.get('compatibility')
    if isinstance(compatibility, list) and len(compatibility) > MAX_LISTED_CLASSES:
        array = path.with_name(f'{path.stem}_compatibility.npy')
        stream = io.BytesIO()
        np.save(stream, np.array(compatibility, dtype=np.float32))
        write_whole(stream.getvalue(), array)
        settings['compatibility'] = f'{{{{ fileDirname }}}}/{array.name}'
    text = docstring.replace('\\', '/').replace('"""', "'''")
    crf = Config(dict(crf=settings)).pretty_text
    write_whole(f'"""{text}\n"""\n\n{crf}'.encode(), path)
