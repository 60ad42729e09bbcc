"""The class list: names and colours of the classes, as text or as JSON.

Text, any name but ``*.json``: one class a line, ``name``, ``name R G B`` or
``name #rrggbb``, with blanks, tabs or commas between. Names may hold blanks. Empty
lines, and lines that begin with ``#``, are left out::

    # id 0 is the first class
    road 128 64 128
    traffic light #faaa1e
    ignore 0 0 0

JSON, ``*.json``: a list; each item is a name, or an object with ``name`` and ``color``,
which is ``[R, G, B]`` or ``"#rrggbb"``::

    [{"name": "road", "color": [128, 64, 128]}, {"name": "car", "color": "#00008e"}]

The id of a class is its place in the file, from 0. A row named ``ignore`` takes no id:
it gives a colour whose pixels are not counted; there may be several. Either all rows
have a colour, or none.

Two files of annotation tools are read as text, too: CVAT's ``labelmap.txt``, whose rows
are ``name:R,G,B:parts:actions``, and labelme's ``labels.txt``, whose first row
``__ignore__`` takes no id. What is none of these rows is refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.json_files import parse_json
from mmseg_deeplab.utils.text_files import decode_text

Color = tuple[int, int, int]  # R, G, B
Row = tuple[str, Color | None, str]  # name, colour, place in the file

IGNORE = 'ignore'
LABELME_IGNORE = '__ignore__'  # its pixels are 255 in the files that labelme writes
MAX_CLASSES = 255  # a label has 8 bits, and 255 is ignored
NUMBER = r'\d{1,9}'  # longer ones are no colour, and Python refuses very long ones
TEXT_ROW = re.compile(
    r'(?P<name>.*?[^\s,])'
    rf'(?:[\s,]+(?P<color>#[0-9a-fA-F]{{6}}|{NUMBER}[\s,]+{NUMBER}[\s,]+{NUMBER}))?'
)
CVAT_ROW = re.compile(
    rf'(?P<name>[^:]+):(?P<color>(?:{NUMBER},{NUMBER},{NUMBER})?):[^:]*:[^:]*'
)
# What other formats hold (YAML, CSV, JSON, XML); in names it needs a JSON file.
FOREIGN = re.compile(r'[:;,={}\[\]<>|"\\\x00-\x1f]')
EXPECTED = '`name`, `name R G B` or `name #rrggbb`'


@dataclass(frozen=True)
class ClassList:
    """Names and colours of the K classes by id, and colours that are not counted."""

    names: tuple[str, ...]
    colors: tuple[Color, ...] = ()
    ignored: tuple[Color, ...] = ()

    def to_text(self) -> str:
        colors = self.colors or ((),) * len(self.names)
        rows = list(zip(self.names, colors, strict=True))
        rows += [(IGNORE, color) for color in self.ignored]
        lines = [' '.join([name, *map(str, color)]) for name, color in rows]
        return '\n'.join(lines) + '\n'


def read_class_list(path: str, backend_args: dict | None = None) -> ClassList:
    """Read a class list; a file ``*.json`` is read as JSON, any other as text.

    What is malformed is an InputError with the place of the row.
    """
    content = read_file(
        path,
        remedy='write one class a line, `name R G B` or `name`, or say where the file '
        'is, e.g. --cfg-options data_root=FOLDER labels_file=NAME',
        backend_args=backend_args,
    )
    text = decode_text(content, path)
    read_rows = _json_rows if path.lower().endswith('.json') else _text_rows
    rows = [_named(row) for row in read_rows(text, path) if row[0] != LABELME_IGNORE]
    _check_rows(rows, path)
    classes = [row for row in rows if row[0] != IGNORE]
    return ClassList(
        names=tuple(name for name, _, _ in classes),
        colors=tuple(color for _, color, _ in classes if color is not None),
        ignored=tuple(color for name, color, _ in rows if name == IGNORE),
    )


def _named(row: Row) -> Row:
    name, color, place = row
    return IGNORE if name.lower() == IGNORE else name, color, place


def _text_rows(text: str, path: str) -> list[Row]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        line, place = line.strip(' \t,'), f'{path}, line {number}'
        if not line or line.startswith('#'):
            continue
        match = CVAT_ROW.fullmatch(line) or TEXT_ROW.fullmatch(line)
        name, color = match['name'], match['color']
        if re.match(r'\d+[\s,:]', name):
            raise InputError(
                f'{place}: {line!r} begins with a number, expected {EXPECTED}. Remedy: '
                'take the ids out: the first class has id 0, the next one 1.'
            )
        if '#' in name or re.search(r'[\s,]\d+[\s,]+\d+$', name):
            raise InputError(
                f'{place}: {line!r} ends in no whole colour, expected {EXPECTED}, with '
                'six hexadecimal digits or three numbers.'
            )
        if foreign := FOREIGN.search(name):
            raise InputError(
                f'{place}: {line!r} holds {foreign.group()!r}, expected {EXPECTED}. '
                'Remedy: write the row so, or write a JSON file, which takes any name.'
            )
        if color and not color.startswith('#'):
            color = [int(number) for number in re.split(r'[\s,]+', color)]
        rows.append((name, _color(color or None, place), place))
    return rows


def _json_rows(text: str, path: str) -> list[Row]:
    items = parse_json(text, path)
    if not isinstance(items, list):
        raise InputError(
            f'{path}: holds a {type(items).__name__}, expected a list of names or of '
            'objects {"name": ..., "color": ...}.'
        )
    rows = []
    for number, item in enumerate(items):
        place = f'{path}, item {number}'
        item = {'name': item} if isinstance(item, str) else item
        sound = isinstance(item, dict) and isinstance(item.get('name'), str)
        if not sound or not item['name'].strip() or set(item) - {'name', 'color'}:
            raise InputError(
                f'{place}: {item!r}, expected a name, or an object of "name" and '
                '"color".'
            )
        rows.append((item['name'].strip(), _color(item.get('color'), place), place))
    return rows


def hex_color(value: object) -> Color | None:
    """Return R, G, B of ``#rrggbb``; None for anything else."""
    sound = isinstance(value, str) and re.fullmatch('#[0-9a-fA-F]{6}', value)
    return tuple(bytes.fromhex(value[1:])) if sound else None


def _color(color: str | Sequence[int] | None, place: str) -> Color | None:
    """Give R, G, B in 0..255."""
    if color is None:
        return None
    if (read := hex_color(color)) is not None:
        return read
    is_triple = isinstance(color, list) and len(color) == 3
    if is_triple and all(type(c) is int and 0 <= c <= 255 for c in color):
        return tuple(color)
    raise InputError(
        f'{place}: the colour is {color!r}, expected three whole numbers 0..255 or '
        '"#rrggbb".'
    )


def _check_rows(rows: list[Row], path: str) -> None:
    names = [(name.lower(), place) for name, _, place in rows if name != IGNORE]
    if not 1 <= len(names) <= MAX_CLASSES:
        raise InputError(
            f'{path}: names {len(names)} classes, expected 1..{MAX_CLASSES}.'
        )
    colors = [(color, place) for _, color, place in rows if color is not None]
    for what, values in (('name', names), ('colour', colors)):
        first: dict[object, str] = {}
        for value, place in values:
            if value in first:
                raise InputError(
                    f'{place}: the {what} {value!r} is already that of {first[value]}. '
                    f'Remedy: give each row a {what} of its own.'
                )
            first[value] = place
    for name, color, place in rows:
        if color is None and colors:
            raise InputError(
                f'{place}: has no colour, but {len(colors)} of {len(rows)} rows have '
                'one. Remedy: give every row a colour, or none.'
            )
        if color is None and name == IGNORE:
            raise InputError(f'{place}: {IGNORE!r} needs a colour: `{IGNORE} R G B`.')
