"""From a foreign checkpoint file to one of ours with its config."""

import os
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.runner import save_checkpoint

from .loading import load
from .sources import convert, model_config


def convert_file(
    source: str,
    src: str | os.PathLike,
    dst: str | os.PathLike,
    *,
    output_stride: int = 8,
    **options: Any,
) -> list[Path]:
    """Convert ``src`` and write ``dst`` and, for a whole network, its config.

    Args:
        source: Family of the weights.
        src: Checkpoint file of that family.
        dst: Where to write; the config gets the same name with ``.py``.
        output_stride: For the config.
        **options: As of :func:`model_config`.

    Returns:
        The files written: one for an image classifier's weights, else two.

    Raises:
        ValueError: If ``dst`` is ``src``, or as of :func:`load` and :func:`convert`.
    """
    src, dst = Path(src), Path(dst)
    if dst.resolve() == src.resolve() or dst.suffix == '.py':
        raise ValueError(f'dst must be another file than {src}, a .pth, received {dst}')
    checkpoint = load(src)
    state = convert(checkpoint, source)
    config = None
    if any(key.startswith('decode_head.') for key in state):
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
    Config(dict(model=config, default_scope='mmseg')).dump(dst.with_suffix('.py'))
    return [dst, dst.with_suffix('.py')]
