"""Plots of evaluations: metrics by class, confusion matrix, metrics at borders.

The suffix of ``path`` determines the format of a plot. ``labels`` are the names of the
files in the legend, by default folder and file.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import read_json
from mmseg_deeplab.utils.value_checks import require_one_of

from .plot_style import (
    COLOURS,
    check_format,
    line_style,
    names_of,
    new_figure,
    save_figure,
)

REMEDY = (
    'Evaluate with mmseg-deeplab report, which writes metrics.json, or with '
    'mmseg-deeplab test ... --cfg-options test_evaluator.report_file=metrics.json '
    '(for bands at borders test_evaluator.trimap_widths=1,2,5,10,20,40 as well)'
)
TRIMAP_METRICS = {'mIoU': 'mean IoU', 'aAcc': 'pixel accuracy'}
MOST_BARS = 40  # classes in one column of bars
BAR, GAP = 0.16, 0.1  # inches: the height of a bar, the space between classes
MOST_NUMBERS = 25  # classes up to which the cells of the confusion matrix hold numbers
# One hue from white on, for every kind of colour vision and for print: Harrower and
# Brewer 2003, https://colorbrewer2.org
COLOUR_MAP = 'Blues'
ABSENT = '#bdbdbd'  # rows of classes without any pixel
TICKS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)


def read_report(path: str | Path, *keys: str) -> dict[str, Any]:
    """Read the report of a ``SegmentationMetric``; the ``keys`` must not be empty.

    ``path`` is ``metrics.json`` of ``mmseg-deeplab report``, the metric's
    ``report_file``, or a folder with a ``metrics.json``.
    """
    path = Path(path)
    if path.is_dir():
        path /= 'metrics.json'
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file. {REMEDY}')
    report = read_json(path)
    for key in keys:
        if not isinstance(report, dict) or not report.get(key):
            raise InputError(f'{path}: is no report with {key!r}. {REMEDY}')
    return report


def plot_classes(
    files: Sequence[str | Path],
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    figure: str = 'IoU',
    sort: bool = False,
    title: str = '',
) -> None:
    """Draw a bar per class and evaluation; the legend has the means.

    ``figure`` is a metric such as ``'IoU'`` or ``'Recall'``. The order of the classes
    is that of the data set, or with ``sort`` the best class of the first file first.
    """
    check_format(path)
    labels = names_of(files, labels)
    reports = [read_report(file, 'per_class')['per_class'] for file in files]
    names = list(reports[0])
    for file, report in zip(files, reports, strict=True):
        known = set.intersection(*map(set, report.values()))
        if figure not in known:
            raise InputError(f'{file}: has no {figure!r}, but {sorted(known)}')
        if other := sorted(report.keys() ^ reports[0].keys()):
            raise InputError(
                f'{files[0]} and {file} were not evaluated on the same classes: only '
                f'one of them has {", ".join(other[:8])}'
            )
    # None, which stands for a class that never occurs, becomes NaN.
    values = [[report[name][figure] for name in names] for report in reports]
    values = np.array(values, dtype=float)
    order = np.arange(len(names))
    if sort:  # classes that never occur come last
        order = np.argsort(-np.nan_to_num(values[0], nan=-1), kind='stable')
    parts = np.array_split(order, math.ceil(len(names) / MOST_BARS))
    height = 0.9 + len(parts[0]) * (BAR * len(files) + GAP) + 0.2 * len(files)
    width = 0.3 + 5.2 * len(parts)
    canvas, panels = new_figure(width, height, columns=len(parts), title=title)
    thickness = BAR / (BAR * len(files) + GAP)  # a class takes a height of 1
    for axes, part in zip(panels, parts, strict=True):
        rows = np.arange(len(part))
        for number, column in enumerate(values[:, part]):
            offset = thickness * (number - (len(files) - 1) / 2)
            colour = COLOURS[number % len(COLOURS)]
            bars = axes.barh(rows + offset, column, height=thickness, color=colour)
            texts = ['-' if np.isnan(value) else f'{value:.1f}' for value in column]
            axes.bar_label(bars, texts, padding=2, fontsize=7)
        axes.set_yticks(rows, [names[i] for i in part], fontsize=8)
        axes.set(xlim=(0, 108), ylim=(len(part) - 0.4, -0.6), xlabel=f'{figure}, %')
        axes.grid(visible=False, axis='y')
    for bars, label, column in zip(panels[0].containers, labels, values, strict=True):
        bars.set_label(f'{label} (mean {np.nanmean(column):.2f})')
    canvas.legend(handles=panels[0].containers, loc='outside upper center')
    save_figure(canvas, path)


def plot_confusion(file: str | Path, path: str | Path, *, title: str = '') -> None:
    """Draw the confusion matrix as a heat map whose rows sum to 100 %.

    The plot grows with the number of classes, so that names do not overlap. The colours
    follow the square root, since confusions of a few percent matter. Rows of classes
    without any pixel are grey.
    """
    from matplotlib.colors import PowerNorm

    check_format(path)
    report = read_report(file, 'per_class', 'confusion')
    classes, counts = list(report['per_class']), np.array(report['confusion'])
    if counts.shape != (len(classes), len(classes)):
        raise InputError(
            f'{file}: the confusion matrix of {len(classes)} classes has the shape '
            f'{counts.shape}'
        )
    pixels = counts.sum(1, keepdims=True).astype(float)
    shares = counts / np.where(pixels > 0, pixels, np.nan)
    few = len(classes) <= MOST_NUMBERS
    letters = 9 if few else 7  # points
    names = max(map(len, classes)) * letters / 100  # inches that the names take
    size = len(classes) * (0.42 if few else 0.16) + names
    canvas, (axes,) = new_figure(size + 2, size + 1, title=title)
    image = axes.imshow(shares, cmap=COLOUR_MAP, norm=PowerNorm(0.5, vmin=0, vmax=1))
    axes.grid(visible=False)
    axes.set_facecolor(ABSENT)
    axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=letters)
    axes.set_yticks(range(len(classes)), classes, fontsize=letters)
    axes.set(xlabel='prediction', ylabel='ground truth')
    for row, column in np.argwhere(shares >= 0.005) if few else ():
        share = shares[row, column]
        colour = 'white' if image.norm(share) > 0.6 else 'black'
        place = dict(ha='center', va='center', fontsize=letters)
        axes.text(column, row, f'{100 * share:.0f}', color=colour, **place)
    bar = canvas.colorbar(image, ax=axes, ticks=TICKS, aspect=40, pad=0.01)
    bar.ax.set_yticklabels([f'{100 * tick:g} %' for tick in TICKS])
    bar.set_label('share of the pixels of the ground truth')
    save_figure(canvas, path)


def plot_trimap(
    files: Sequence[str | Path],
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    figure: str = 'mIoU',
    title: str = '',
) -> None:
    """Draw the mean IoU against the width of the band, one line per evaluation.

    This is the plot of DeepLab v1 and v2 (and, with ``figure='aAcc'``, that of
    Krähenbühl and Koltun 2011). A dashed line shows the same metric for whole images.
    """
    check_format(path)
    require_one_of('figure', figure, TRIMAP_METRICS)
    labels = names_of(files, labels)
    reports = {str(f): read_report(f, 'metrics', 'trimap') for f in files}
    around = {file: report['trimap']['around'] for file, report in reports.items()}
    if len(set(around.values())) > 1:
        raise InputError(
            f'the bands lie around different borders: {around}. Evaluate with the same '
            'test_evaluator.trimap_around'
        )
    canvas, (axes,) = new_figure(6.4, 4.2, title=title)
    for number, (file, label) in enumerate(zip(files, labels, strict=True)):
        trimap, whole = reports[str(file)]['trimap'], reports[str(file)]['metrics']
        values = np.array(trimap[figure], dtype=float)  # None, an empty band, is NaN
        style = line_style(number) | dict(linestyle='-', marker='o', markersize=4)
        name = f'{label} ({whole[figure]:.1f})'
        axes.plot(trimap['widths'], values, label=name, **style)
        style = dict(color=style['color'], linestyle='--', linewidth=1)
        axes.axhline(whole[figure], **style)
    axes.set(
        xlabel='width of the band on either side of a border, pixels',
        ylabel=f'{TRIMAP_METRICS[figure]} within the band, %',
    )
    axes.set_xlim(0, None)
    axes.legend(title='dashed, in brackets: whole images')
    save_figure(canvas, path, dpi=130)
