"""The confusion matrix as a heat map."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .plot_style import check_picture, new_figure, save_figure
from .report_file import read_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

MOST_NUMBERS = 25  # classes, up to which the cells hold numbers
LARGEST, SMALLEST, MOST = 0.42, 0.16, 40.0  # inches: cell, cell, all cells
POINTS = 72  # in an inch
# One hue from white on, for every kind of colour vision, and print: Harrower and Brewer
# 2003, https://colorbrewer2.org
COLOURS = 'Blues'
NEVER = '#bdbdbd'  # row of a class that no pixel has
TICKS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)


def read_confusion(path: str | Path) -> tuple[list[str], np.ndarray]:
    """Read classes and counts ``(K, K)``, int64, rows are the truth.

    Args:
        path: Report of an evaluation, see :func:`read_report`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such report.
    """
    kinds, what = dict(per_class=dict, confusion=list), 'confusion matrix'
    report = read_report(path, kinds, what=what)
    classes = list(report['per_class'])
    try:
        counts = np.array(report['confusion'], dtype=np.int64)
    except (ValueError, TypeError) as error:
        raise ValueError(f'{path}: its {what} holds more than counts') from error
    if counts.shape != (len(classes), len(classes)) or counts.min() < 0:
        raise ValueError(
            f'{path}: expected a {what} of {len(classes)} x {len(classes)} counts, '
            f'received shape {counts.shape}, least entry {counts.min()}'
        )
    return classes, counts


def row_normalised(counts: np.ndarray) -> np.ndarray:
    """Return which share of a class's true pixels became which class.

    Args:
        counts: ``(K, K)``, rows are the truth.

    Returns:
        ``(K, K)``; rows sum to 1, those of classes without any pixel are NaN.
    """
    pixels = counts.sum(1, keepdims=True).astype(float)
    pixels[pixels == 0] = np.nan
    return counts / pixels


def plot_confusion(file: str | Path, path: str | Path, *, title: str = '') -> None:
    """Draw the heat map of the row-normalised confusion matrix.

    Picture and letters are sized so that the name of each class fits its row, up to 250
    classes. Colours follow the square root, as confusions of some percent are what one
    looks for. Grey rows: no pixel has this class.

    Args:
        file: Report of an evaluation.
        path: Picture to write; the suffix tells the format.
        title: Heading.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it holds no confusion matrix.
    """
    from matplotlib.colors import PowerNorm

    check_picture(path)
    classes, counts = read_confusion(file)
    shares = row_normalised(counts)
    cell = min(LARGEST, max(SMALLEST, 9 / len(classes)), MOST / len(classes))
    letters = min(10.0, 0.62 * cell * POINTS)
    longest = max(map(len, classes)) * 0.6 * letters / POINTS
    size = len(classes) * cell + longest
    above = longest if len(classes) > MOST_NUMBERS else 0
    figure = new_figure(size + 1.8, size + above + (1.0 if title else 0.7))
    axes = figure.subplots()
    image = axes.imshow(shares, cmap=COLOURS, norm=PowerNorm(0.5, vmin=0, vmax=1))
    axes.set_facecolor(NEVER)
    _name_classes(axes, classes, letters)
    if len(classes) <= MOST_NUMBERS:
        _write_numbers(axes, image, shares, fontsize=min(letters, 0.3 * cell * POINTS))
    bar = figure.colorbar(image, ax=axes, ticks=TICKS, aspect=40, pad=0.01)
    bar.ax.set_yticklabels([f'{100 * tick:g} %' for tick in TICKS])
    bar.set_label("share of the class's true pixels")
    axes.set(xlabel='predicted', ylabel='true', title=title)
    save_figure(figure, path)


def _name_classes(axes: 'Axes', classes: Sequence[str], letters: float) -> None:
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=90, fontsize=letters)
    axes.set_yticks(places, classes, fontsize=letters)
    axes.tick_params(length=0)
    if len(classes) > MOST_NUMBERS:  # the way from a cell to its names is long
        axes.tick_params(top=True, labeltop=True, labelrotation=0)
        axes.tick_params(axis='x', labelrotation=90)
        edges = np.arange(1, len(classes)) - 0.5
        look = dict(color='#e5e5e5', linewidth=0.3)
        axes.hlines(edges, -0.5, len(classes) - 0.5, **look)
        axes.vlines(edges, -0.5, len(classes) - 0.5, **look)


def _write_numbers(
    axes: 'Axes', image: 'AxesImage', shares: np.ndarray, *, fontsize: float
) -> None:
    """Write percentages into the cells, but nothing for less than a half."""
    for row, column in np.argwhere(shares >= 0.005):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f'{100 * share:.0f}',
            ha='center',
            va='center',
            fontsize=fontsize,
            color='white' if image.norm(share) > 0.6 else 'black',
        )
