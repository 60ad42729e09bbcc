"""Names and colours of a model's classes, from wherever they are known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS
from mmseg.utils import get_classes, get_palette

from mmseg_deeplab.checkpoints.class_order import checkpoint_meta
from mmseg_deeplab.utils.class_colors import class_colors
from mmseg_deeplab.utils.errors import InputError


def class_meta(
    num_classes: int,
    checkpoint: Mapping[str, Any],
    cfg: Config,
    *,
    classes: str | Sequence[str] | None = None,
    palette: str | Sequence[Sequence[int]] | None = None,
) -> dict[str, Any]:
    """Return ``classes`` and ``palette`` for K classes.

    What is given (K values, or the name of a data set of MMSegmentation) comes first,
    then the checkpoint's, then those of the config's data set. Where none has K
    classes, the names are ``class 0``, ... and the colours :func:`class_colors`.
    """
    names = get_classes(classes) if isinstance(classes, str) else classes
    colours = get_palette(palette) if isinstance(palette, str) else palette
    for name, given in dict(classes=names, palette=colours).items():
        if given and len(given) != num_classes:
            raise InputError(
                f'{name}: the model has {num_classes} classes, received {len(given)}'
            )
    known = next(
        meta
        for meta in _known(num_classes, checkpoint, cfg)
        if len(meta.get('classes') or ()) == num_classes
    )
    colours = colours or known.get('palette')
    if not colours or len(colours) != num_classes:
        colours = class_colors(names or known['classes'])
    return dict(
        classes=tuple(names or known['classes']),
        palette=[[int(value) for value in colour] for colour in colours],
    )


def _known(
    num_classes: int, checkpoint: Mapping[str, Any], cfg: Config
) -> Iterator[Mapping[str, Any]]:
    """Yield what may be known of the classes, the best first; read as needed."""
    yield checkpoint_meta(checkpoint)
    for split in ('test', 'val', 'train'):
        dataset = (cfg.get(f'{split}_dataloader') or {}).get('dataset') or {}
        yield dataset.get('metainfo') or {}
        kind = DATASETS.get(dataset['type']) if 'type' in dataset else None
        yield getattr(kind, 'METAINFO', {})
    yield dict(classes=[f'class {index}' for index in range(num_classes)])
