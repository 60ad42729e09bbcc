"""From a foreign checkpoint file to one of ours with its config."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.runner import save_checkpoint

from .loading import load
from .sources import READERS, convert, model_config

# What tells a whole network from initial weights for backbone or head.
CLASSIFIER = re.compile(
    r'decode_head\.(conv_seg|conv2d_list\.0|branches\.0\.fc8)\.weight'
)


def convert_file(
    source: str,
    src: str | os.PathLike,
    dst: str | os.PathLike,
    *,
    output_stride: int = 8,
    convert_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Path]:
    """Convert ``src`` and write ``dst`` and, for a whole network, its config.

    Args:
        source: Family of the weights.
        src: Checkpoint file of that family (``tensorflow``: ``model.ckpt``, its
            ``.index`` file or the folder; ``caffe``: a ``.caffemodel``).
        dst: Where to write; the config gets the same name with ``.py``.
        output_stride: For the config.
        convert_options: As of :func:`convert`.
        **options: As of :func:`model_config`.

    Returns:
        The files written: one for initial weights without a classifier, else two.

    Raises:
        ValueError: If ``dst`` is ``src``, or as of :func:`load` and :func:`convert`.
    """
    src, dst = Path(src), Path(dst)
    if dst.resolve() == src.resolve() or dst.suffix == '.py':
        raise ValueError(f'dst must be another file than {src}, a .pth, received {dst}')
    checkpoint = READERS.get(source, load)(src)
    state = convert(checkpoint, source, **(convert_options or {}))
    config = None
    if any(CLASSIFIER.fullmatch(key) for key in state):
        config = model_config(
            checkpoint, source, output_stride=output_stride, **options
        )
    dst.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(
        {'state_dict': state, 'meta': {'source': source}},
        str(dst),
        backend_args=dict(backend='atomic_local'),
    )
    if config is None:
        return [dst]
    # So that MMSeg's own tools, which do not know this package, build the model too.
    imports = dict(imports=['mmseg_deeplab'], allow_failed_imports=False)
    Config(dict(model=config, default_scope='mmseg', custom_imports=imports)).dump(
        dst.with_suffix('.py')
    )
    return [dst, dst.with_suffix('.py')]
