"""The class list of an import: names, ids and colours."""

from pathlib import Path

from mmseg_deeplab.datasets.class_list import (
    IGNORE,
    LABELME_IGNORE,
    MAX_CLASSES,
    ClassList,
    Color,
    read_class_list,
)
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.class_colors import (
    BACKGROUNDS,
    BLACK,
    class_colors,
    distinct_colors,
)
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json

from .annotated_images import Annotations

BACKGROUND = 'background'
IGNORE_INDEX = 255
VOID = (224, 224, 192)  # of PASCAL VOC


def choose_classes(
    annotations: Annotations, given: ClassList | None, background: bool
) -> tuple[ClassList, int]:
    """Return the classes, and the id of pixels without a shape.

    That is 255 if every pixel is labelled, or there is no background.
    """
    if given:
        names = list(given.names)
    else:
        names = [
            name
            for name in annotations.names
            if name.lower() not in (IGNORE, LABELME_IGNORE)
        ]
    own = [i for i, name in enumerate(names) if name.lower() in BACKGROUNDS]
    fill = IGNORE_INDEX
    if background and not annotations.labels_every_pixel:
        if own:
            fill = own[0]
        elif not given:
            names.insert(0, BACKGROUND)
            fill = 0
    if given and given.colors:
        colors, ignored = given.colors, given.ignored
    else:
        colors, ignored = choose_colors(names, annotations.colors), ()
    if not ignored:
        unused = (VOID, *distinct_colors(MAX_CLASSES + 1))
        ignored = (next(color for color in unused if color not in colors),)
    return ClassList(tuple(names), tuple(colors), tuple(ignored)), fill


def choose_colors(names: list[str], known: dict[str, Color]) -> list[Color]:
    """Take the known colours if no two classes share one, else new ones.

    The background is black, and no class else.
    """
    own = [BLACK if name.lower() in BACKGROUNDS else known.get(name) for name in names]
    if None not in own and len(set(own)) == len(own):
        return own
    return class_colors(names)


def write_class_list(classes: ClassList, out: Path) -> str:
    """Write ``labels.txt``, or ``labels.json`` where a name cannot stand in text.

    Returns the file's name. InputError without classes, or if two have one name.
    """
    lower = [name.lower() for name in classes.names]
    twice = sorted({name for name in classes.names if lower.count(name.lower()) > 1})
    if not 1 <= len(lower) <= MAX_CLASSES or twice:
        raise InputError(
            f'the annotations name {len(lower)} classes, expected 1 to {MAX_CLASSES}'
            f'{f"; in case alone differ {twice}" if twice else ""}. Remedy: correct '
            'their names, or name the classes to import by --labels'
        )
    path = out / 'labels.txt'
    write_whole(classes.to_text().encode(), path)
    try:
        if read_class_list(str(path)).names == classes.names:
            return path.name
    except InputError:
        pass
    path.unlink()
    path = out / 'labels.json'
    rows = [*zip(classes.names, classes.colors, strict=True)]
    rows += [(IGNORE, color) for color in classes.ignored]
    write_json(path, [{'name': name, 'color': color} for name, color in rows])
    return path.name
