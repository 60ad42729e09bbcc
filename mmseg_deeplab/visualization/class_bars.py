"""Bars of one figure for each class, of one or several evaluations."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .plot_style import (
    add_grid,
    check_picture,
    colour,
    names_of,
    new_figure,
    save_figure,
)
from .report_file import read_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 40  # classes in a column of bars; more go into further columns
BAR, GAP = 0.16, 0.1  # inches: height of a bar, space between classes


def read_classes(path: str | Path, figure: str = 'IoU') -> dict[str, float]:
    """Read one figure of each class, in percent; NaN where a class never occurs.

    Args:
        path: Report of an evaluation, see :func:`read_report`.
        figure: ``'IoU'``, ``'Acc'``, ``'Dice'``, ``'Fscore'``, ``'Precision'`` or
            ``'Recall'``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such report, or has no such figure.
    """
    per_class = read_report(path, dict(per_class=dict), what='figures by class')
    values = {}
    for name, figures in per_class['per_class'].items():
        if not isinstance(figures, dict) or figure not in figures:
            known = list(figures) if isinstance(figures, dict) else figures
            raise ValueError(f'{path}: class {name!r} has no {figure!r}, but {known}')
        values[name] = math.nan if figures[figure] is None else float(figures[figure])
    return values


def plot_classes(
    files: Sequence[str | Path],
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    figure: str = 'IoU',
    sort: bool = False,
    title: str = '',
) -> None:
    """Draw a bar per class and evaluation; classes from the top, means in the legend.

    Args:
        files: Reports of evaluations of the same classes.
        path: Picture to write; the suffix tells the format.
        labels: Names in the legend, one per file; by default folder and file.
        figure: See :func:`read_classes`.
        sort: Best class of the first file first; by default in the order of the data
            set.
        title: Heading.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no such report, the classes differ, or the number of
            labels is wrong.
    """
    check_picture(path)
    labels = names_of(files, labels)
    columns = [read_classes(file, figure) for file in files]
    _check_same_classes(files, columns)
    values = np.array([list(column.values()) for column in columns])  # (files, K)
    names = list(columns[0])
    if sort:  # those that never occur come last
        order = np.argsort(-np.nan_to_num(values[0], nan=-1), kind='stable')
        values, names = values[:, order], [names[i] for i in order]
    parts = np.array_split(np.arange(len(names)), math.ceil(len(names) / MOST_ROWS))
    height = 0.9 + len(parts[0]) * (BAR * len(files) + GAP) + 0.2 * len(files)
    canvas = new_figure(0.3 + 5.2 * len(parts), height)
    panels = canvas.subplots(1, len(parts), squeeze=False)[0]
    for axes, part in zip(panels, parts, strict=True):
        _draw(axes, values[:, part], [names[i] for i in part])
        axes.set_xlabel(f'{figure}, %')
    for bars, label, column in zip(panels[0].containers, labels, values, strict=True):
        bars.set_label(f'{label} (mean {np.nanmean(column):.2f})')
    canvas.legend(handles=panels[0].containers, loc='outside upper center')
    canvas.suptitle(title)
    save_figure(canvas, path)


def _check_same_classes(
    files: Sequence[str | Path], columns: Sequence[dict[str, float]]
) -> None:
    for file, column in zip(files, columns, strict=True):
        if column.keys() != columns[0].keys():
            other = sorted(column.keys() ^ columns[0].keys())
            raise ValueError(
                f'{files[0]} and {file} were not evaluated on the same classes: '
                f'only one of them has {", ".join(other[:8])}'
            )


def _draw(axes: 'Axes', values: np.ndarray, names: Sequence[str]) -> None:
    """Draw ``(files, rows)`` values as groups of bars, the first row on top."""
    rows, step = np.arange(len(names)), BAR / (BAR * len(values) + GAP)
    for number, column in enumerate(values):
        offset = step * (number - (len(values) - 1) / 2)
        bars = axes.barh(rows + offset, column, height=step, color=colour(number))
        texts = ['-' if np.isnan(value) else f'{value:.1f}' for value in column]
        axes.bar_label(bars, texts, padding=2, fontsize=7)
    axes.set_yticks(rows, names, fontsize=8)
    axes.set(xlim=(0, 108), ylim=(len(names) - 0.4, -0.6))
    axes.set_xticks(range(0, 101, 20))
    axes.yaxis.set_tick_params(length=0)
    add_grid(axes)
    axes.grid(visible=False, axis='y')
