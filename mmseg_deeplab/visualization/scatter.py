"""A scatter plot of benchmark results, such as mIoU against multiply-adds."""

from collections.abc import Sequence
from pathlib import Path

from .benchmark_rows import Row, read_benchmark_rows
from .plot_style import COLOURS, check_format, new_figure, save_figure

# These are tried in this order where no axis is given.
DEFAULT_X = ('multiply_adds', 'multiply-adds, G', 'FLOPs')
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

    Raises:
        FileNotFoundError: If a source is missing.
        ValueError: If a source is no benchmark, or no row has both numbers.
    """
    check_format(path)
    rows = [row for source in sources for row in read_benchmark_rows(source)]
    if only:
        rows = [r for r in rows if any(t in r.name or t in r.group for t in only)]
    x, y = _axis(x, 'x', DEFAULT_X, rows), _axis(y, 'y', DEFAULT_Y, rows)
    rows = [row for row in rows if x in row.numbers and y in row.numbers]
    if not rows:
        raise ValueError(f'no row has both {x!r} and {y!r}')
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
    raise ValueError(
        f'{len(rows)} rows have no number {asked}; give --{axis} one of: '
        f'{", ".join(map(repr, known)) or "none, as no row is left"}'
    )
