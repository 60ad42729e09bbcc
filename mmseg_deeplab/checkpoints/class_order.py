"""The classes that a checkpoint was trained with, and whether others are the same."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmseg_deeplab.utils.listing import some

MAX_CLASSES = 20  # listed in a message
ORDER_REMEDY = (
    'Remedy: name the classes in the order of the training (labels.txt, or metainfo of '
    'the data set), and number those in the masks alike'
)


class ClassDifference(NamedTuple):
    """How two lists of as many classes differ."""

    exchanged: bool  # a name stands at another id: predictions would be exchanged
    message: str


def checkpoint_meta(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``classes`` and ``palette`` that a checkpoint holds, or an empty dict.

    What has another form than MMSegmentation writes counts as missing.
    """
    meta = checkpoint.get('meta')
    if not isinstance(meta, Mapping):
        return {}
    found = meta.get('dataset_meta')
    if not isinstance(found, Mapping):  # MMSegmentation 0.x
        found = dict(classes=meta.get('CLASSES'), palette=meta.get('PALETTE'))
    classes, palette = found.get('classes'), found.get('palette')
    if not isinstance(classes, list | tuple) or not all(
        isinstance(name, str) for name in classes
    ):
        return {}
    try:
        palette = [[int(level) for level in color] for color in palette or ()]
    except (TypeError, ValueError):
        palette = []
    palette = palette if {len(color) for color in palette} == {3} else None
    return dict(classes=tuple(classes), palette=palette) if classes else {}


def class_difference(
    one: Mapping[str, Any], other: Mapping[str, Any], sources: tuple[str, str]
) -> ClassDifference | None:
    """Compare names and colours of two lists of classes; None if nothing differs.

    Names that differ in case, blanks, hyphens and underscores are the same. Lists of
    different lengths are not compared. ``sources`` say where each one comes from.
    """
    lists = [list(meta.get('classes') or ()) for meta in (one, other)]
    if not all(lists) or len(lists[0]) != len(lists[1]):
        return None
    plain = [[_plain(name) for name in names] for names in lists]
    ids = [i for i, pair in enumerate(zip(*plain, strict=True)) if pair[0] != pair[1]]
    if ids:
        exchanged = any(plain[0][i] in plain[1] or plain[1][i] in plain[0] for i in ids)
        what = 'the order of the classes differs' if exchanged else 'class names differ'
        return ClassDifference(exchanged, _message(what, ids, lists, sources))
    palettes = [
        [[*map(int, c)] for c in meta.get('palette') or ()] for meta in (one, other)
    ]
    ids = [
        i for i, pair in enumerate(zip(*palettes, strict=False)) if pair[0] != pair[1]
    ]
    if ids and sorted(palettes[0]) == sorted(palettes[1]):
        lists = [
            [f'{name} {color}' for name, color in zip(names, colors, strict=True)]
            for names, colors in zip(lists, palettes, strict=True)
        ]
        what = 'the colours of the classes are exchanged'
        return ClassDifference(False, _message(what, ids, lists, sources))
    return None


def _plain(name: str) -> str:
    return re.sub(r'[\W_]+', ' ', str(name)).strip().casefold()


def _message(
    what: str,
    ids: Sequence[int],
    lists: Sequence[Sequence[str]],
    sources: Sequence[str],
) -> str:
    sides = [
        f'{source} has {some((f"{i} {names[i]}" for i in ids), MAX_CLASSES)}'
        for names, source in zip(lists, sources, strict=True)
    ]
    return f'{what}: {"; ".join(sides)}'
