"""A scatter plot of benchmark results, such as mIoU against multiply-adds."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_deeplab.utils.errors import InputError, reason
from mmseg_deeplab.utils.json_files import parse_json

from .plot_style import COLOURS, check_format, new_figure, save_figure

# These are tried in this order where no axis is given.
DEFAULT_X = ('multiply_adds', 'multiply-adds, G')
DEFAULT_Y = ('mIoU', 'ratio.median')
UNITS = {
    'multiply_adds': (1e9, 'multiply-adds, G'),
    'parameters': (1e6, 'parameters, M'),
    'ratio.median': (1, 'times faster than stock'),
    'memory_ratio': (1, 'times less memory than stock'),
    'ours.seconds.median': (1, 'seconds, ours'),
    'ours.peak_bytes': (1e6, 'peak memory, ours, MB'),
}
MARKERS = ('o', '^', 's', 'D', 'v', 'P')
LOG_FROM = 10.0  # an axis is logarithmic if its values span at least this factor
PERCENT = ('mIoU', 'aAcc', 'mAcc', 'fwIoU', 'mDice')
_RULE = re.compile(r'\|?[ :|-]*-[ :|-]*')  # the line below the headings of a table
_REMEDY = (
    'Give the work folder of `python -m benchmarks table` or a row.json in it, the '
    'JSON file of another benchmark, or a Markdown file with tables such as '
    'docs/benchmarks.md'
)


class Row(NamedTuple):
    """One point of a scatter plot."""

    name: str
    group: str  # rows of one group share marker and colour
    numbers: dict[str, float]  # the names of nested ones have dots


def read_benchmark_rows(source: str | Path) -> list[Row]:
    """Read the rows of a benchmark; :data:`_REMEDY` lists the kinds of sources."""
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f'{source}: no such file or folder. {_REMEDY}')
    try:
        if source.is_dir():
            texts = [file.read_text() for file in sorted(source.glob('*/row.json'))]
            rows = [row for text in texts for row in _from_json(text)]
        else:
            read = _from_markdown if source.suffix == '.md' else _from_json
            rows = list(read(source.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f'{source}: holds no benchmark ({reason(error)}). {_REMEDY}'
        ) from error
    if not rows:
        raise InputError(f'{source}: holds no rows of a benchmark. {_REMEDY}')
    return rows


def _from_json(text: str) -> Iterator[Row]:
    content = parse_json(text, 'the file')
    if 'rows' not in content:  # one row of the results table
        scratch = content['weights'] != 'ImageNet'
        group = 'from scratch' if scratch else 'ImageNet weights'
        yield Row(content['config'], group, dict(_numbers(content)))
        return
    for row in content['rows']:
        numbers = dict(_numbers(row))
        if not numbers.get('multiply_adds'):  # 0: they could not be counted
            numbers.pop('multiply_adds', None)
        yield Row(row['name'], row.get('group', ''), numbers)


def _from_markdown(text: str) -> Iterator[Row]:
    """Read tables: names are in the first column, the headings name the numbers.

    The rows of a table form a group, which is named by the heading above the table.
    """
    lines, section = text.splitlines(), ''
    for number, line in enumerate(lines):
        section = line.lstrip('# ') if line.startswith('#') else section
        if '|' not in line or not _RULE.fullmatch(line.strip()) or not number:
            continue
        heads = _cells(lines[number - 1])
        for below in lines[number + 1 :]:
            if '|' not in below:
                break
            name, *cells = _cells(below)
            # A cell counts by the number it begins with: 3.1 of "3.1x (2.9 - 3.3)".
            found = [re.match(r'-?\d+(\.\d+)?', cell) for cell in cells]
            pairs = zip(heads[1:], found, strict=False)
            yield Row(name, section, {h: float(m.group()) for h, m in pairs if m})


def _cells(line: str) -> list[str]:
    """Split a line of a table into the texts of its cells, without markup."""
    cells = (cell.strip() for cell in line.strip().strip('|').split('|'))
    return [re.sub(r'[`*]|\[([^]]*)\]\([^)]*\)', r'\1', cell) for cell in cells]


def _numbers(node: dict[str, Any], path: str = '') -> Iterator[tuple[str, float]]:
    """Yield all numbers in nested dicts with their dotted names."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _numbers(value, f'{path}{key}.')
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f'{path}{key}', float(value)


def plot_scatter(
    sources: Sequence[str | Path],
    path: str | Path,
    *,
    x: str | None = None,
    y: str | None = None,
    only: Sequence[str] = (),
    title: str = '',
) -> None:
    """Draw one number of each row against another one; the legend has the names.

    Args:
        sources: See :func:`read_benchmark_rows`.
        path: The file of the plot; its suffix determines the format.
        x: The name of the number on the x axis; by default the first of
            :data:`DEFAULT_X` that the rows have.
        y: The same for the y axis and :data:`DEFAULT_Y`.
        only: Keep the rows whose name or group contains one of these texts.
        title: The heading.
    """
    check_format(path)
    rows = [row for source in sources for row in read_benchmark_rows(source)]
    if only:
        rows = [r for r in rows if any(t in r.name or t in r.group for t in only)]
    x, y = _axis(x, 'x', DEFAULT_X, rows), _axis(y, 'y', DEFAULT_Y, rows)
    rows = [row for row in rows if x in row.numbers and y in row.numbers]
    if not rows:
        raise InputError(f'no row has both {x!r} and {y!r}')
    rows.sort(key=lambda row: -row.numbers[y])
    figure, (axes,) = new_figure(10, max(5, 0.8 + 0.19 * len(rows)), title=title)
    groups = list(dict.fromkeys(row.group for row in rows))
    for number, row in enumerate(rows, start=1):
        point = [row.numbers[name] / UNITS.get(name, (1,))[0] for name in (x, y)]
        look = groups.index(row.group)
        group = f'   ({row.group})' if len(groups) > 1 else ''
        axes.scatter(
            *point,
            marker=MARKERS[look % len(MARKERS)],
            color=COLOURS[look % len(COLOURS)],
            label=f'{number}  {row.name}{group}',
        )
        place = dict(textcoords='offset points', ha='center', fontsize=8)
        axes.annotate(str(number), point, (0, 7), **place)
    for axis, name in (('x', x), ('y', y)):
        label = UNITS.get(name, (1, name))[1]
        percent = name.startswith(PERCENT)
        axes.set(**{f'{axis}label': f'{label}, %' if percent else label})
        values = [row.numbers[name] for row in rows]
        if not percent and min(values) > 0 and max(values) / min(values) >= LOG_FROM:
            axes.set(**{f'{axis}scale': 'log'})
    axes.margins(0.1)
    figure.legend(loc='outside right center', fontsize=8)
    save_figure(figure, path)


def _axis(
    name: str | None, axis: str, defaults: Sequence[str], rows: Sequence[Row]
) -> str:
    known = sorted({number for row in rows for number in row.numbers})
    for choice in [name] if name else defaults:
        if choice in known:
            return choice
    asked = f'{name!r}' if name else f'of {", ".join(defaults)}'
    raise InputError(
        f'{len(rows)} rows have no number {asked}; give --{axis} one of: '
        f'{", ".join(map(repr, known)) or "none, as no row is left"}'
    )
