"""A scatter plot of benchmarks, such as mIoU against multiply-adds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .benchmark_rows import Row, read_benchmark_rows, select
from .plot_style import (
    DPI,
    add_grid,
    check_picture,
    colour,
    marker,
    new_figure,
    save_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Tried in this order where no axis is asked for.
DEFAULT_X = ('multiply_adds', 'multiply-adds, G', 'FLOPs')
DEFAULT_Y = ('mIoU', 'ratio.median')
UNITS = {
    'multiply_adds': (1e9, 'multiply-adds, G'),
    'parameters': (1e6, 'parameters, M'),
    'ratio.median': (1, 'times faster than stock'),
    'memory_ratio': (1, 'times less memory than stock'),
    'ours.seconds.total.median': (1, 'seconds, ours'),
    'ours.peak_bytes': (1e6, 'peak memory, ours, MB'),
}
# Percent; less would show the noise between runs as differences.
LEAST_RANGE = 10.0
LOG_FROM = 10.0  # largest over smallest, from which on an axis is logarithmic
OFFSETS = ((0, 7), (0, -15), (9, -4), (-9, -4), (9, 7), (-9, 7))  # points


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
        path: Picture to write; the suffix tells the format.
        x: Name of the number on the x axis; by default the first of :data:`DEFAULT_X`
            that the rows have.
        y: The same for the y axis and :data:`DEFAULT_Y`.
        only: Keep rows whose name or group contains one of these texts.
        title: Heading.

    Raises:
        FileNotFoundError: If a source is missing.
        ValueError: If a source is no benchmark, or no row has both numbers.
    """
    check_picture(path)
    rows = select([r for source in sources for r in read_benchmark_rows(source)], only)
    x, y = _axis(x, 'x', DEFAULT_X, rows), _axis(y, 'y', DEFAULT_Y, rows)
    rows = [row for row in rows if x in row.numbers and y in row.numbers]
    if not rows:
        raise ValueError(f'no row has both {x!r} and {y!r}')
    rows.sort(key=lambda row: -row.numbers[y])
    figure = new_figure(10, max(5, 0.8 + 0.19 * len(rows)))
    axes = figure.subplots()
    points = [(_value(row, x), _value(row, y)) for row in rows]
    _draw_points(axes, rows, points)
    _set_axes(axes, points, x, y)
    figure.suptitle(title)
    figure.legend(loc='outside right center', fontsize=8)
    figure.dpi = DPI
    figure.draw_without_rendering()  # the layout, which the numbers' places depend on
    _number_points(axes, points)
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


def _value(row: Row, name: str) -> float:
    return row.numbers[name] / UNITS.get(name, (1, ''))[0]


def _draw_points(
    axes: 'Axes', rows: Sequence[Row], points: Sequence[tuple[float, float]]
) -> None:
    groups = list(dict.fromkeys(row.group for row in rows))
    for number, (row, point) in enumerate(zip(rows, points, strict=True), start=1):
        look = groups.index(row.group)
        place = f'   ({row.group})' if len(groups) > 1 else ''
        axes.scatter(
            *point,
            marker=marker(look),
            color=colour(look),
            label=f'{number}  {row.name}{place}',
        )


def _set_axes(
    axes: 'Axes', points: Sequence[tuple[float, float]], x: str, y: str
) -> None:
    from matplotlib.ticker import StrMethodFormatter

    columns = zip(*points, strict=True)
    for axis, name, values in zip('xy', (x, y), columns, strict=True):
        label = UNITS.get(name, (1, name))[1]
        axes.set(**{f'{axis}label': f'{label}, %' if _is_percent(name) else label})
        low, high = min(values), max(values)
        if low > 0 and high / low >= LOG_FROM and not _is_percent(name):
            axes.set(**{f'{axis}scale': 'log'})
            scale = getattr(axes, f'{axis}axis')
            scale.set_major_formatter(StrMethodFormatter('{x:g}'))
        elif _is_percent(name):
            room = max(0.1 * (high - low), (LEAST_RANGE - (high - low)) / 2)
            axes.set(**{f'{axis}lim': (low - room, high + room)})
    axes.margins(0.1)
    add_grid(axes)


def _is_percent(name: str) -> bool:
    return name.startswith(('mIoU', 'aAcc', 'mAcc', 'fwIoU', 'mDice'))


def _number_points(axes: 'Axes', points: Sequence[tuple[float, float]]) -> None:
    """Write its number beside each point, where it covers no other point or number."""
    from matplotlib.transforms import Bbox

    centres = axes.transData.transform(points)
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in centres]  # pixels
    for number, point in enumerate(points, start=1):
        for offset in OFFSETS:
            text = axes.annotate(
                str(number), point, xytext=offset, textcoords='offset points',
                ha='center', fontsize=8,
            )  # fmt: skip
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            if offset != OFFSETS[-1]:
                text.remove()
        taken.append(box)
