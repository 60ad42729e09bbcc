"""Figures within narrow bands around borders, against the width of the bands."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .plot_style import (
    add_grid,
    check_picture,
    colour,
    marker,
    names_of,
    new_figure,
    save_figure,
)
from .report_file import read_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURES = {'mIoU': 'mean IoU', 'aAcc': 'pixel accuracy'}
_REMEDY = (
    'Evaluate with --cfg-options test_evaluator.trimap_widths=1,2,5,10,20,40 '
    'test_evaluator.report_file=metrics.json'
)


def read_trimap(path: str | Path) -> dict[str, Any]:
    """Read the report of a ``SegmentationMetric`` that holds a trimap.

    Args:
        path: ``metrics.json`` of ``tools/report.py`` or the metric's ``report_file``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON or was evaluated without ``trimap_widths``.
    """
    kinds, what = dict(figures=dict, trimap=dict), 'trimap figures'
    report = read_report(path, kinds, what=what, remedy=_REMEDY)
    if not {'around', 'widths', *FIGURES} <= report['trimap'].keys():
        raise ValueError(f'{path}: holds no {what}. {_REMEDY}')
    return report


def plot_trimap(
    files: Sequence[str | Path],
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    figure: str = 'mIoU',
    title: str = '',
) -> None:
    """Draw mean IoU against the width of the band, one line per evaluation.

    It is the figure of DeepLab v1 and v2 (and, with ``aAcc``, of Krähenbühl and Koltun
    2011); a dashed line shows the same figure for whole images.

    Args:
        files: Reports of evaluations with ``trimap_widths``, as JSON.
        path: Picture to write; the suffix tells the format.
        labels: Names in the legend, one per file; by default folder and file.
        figure: ``'mIoU'`` or ``'aAcc'``.
        title: Heading.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file has no trimap, the files were evaluated around different
            borders, or the number of labels is wrong.
    """
    check_picture(path)
    labels = names_of(files, labels)
    reports = [read_trimap(file) for file in files]
    _check_comparable(files, reports)
    canvas = new_figure(6.4, 4.2)
    axes = canvas.subplots()
    for number, (report, label) in enumerate(zip(reports, labels, strict=True)):
        _draw(axes, report, label, _figure(figure), number)
    axes.set(
        xlabel='width of the band on either side of a border, pixels',
        ylabel=f'{FIGURES[figure]} within the band, %',
        title=title,
    )
    axes.set_xlim(0, None)
    add_grid(axes)
    axes.legend(title='dashed, in brackets: whole images')
    save_figure(canvas, path, dpi=130)


def _draw(
    axes: 'Axes', report: dict[str, Any], label: str, figure: str, number: int
) -> None:
    trimap, whole = report['trimap'], report['figures'][figure]
    values = np.array(trimap[figure], dtype=float)  # None, of an empty band, is NaN
    name, look = f'{label} ({whole:.1f})', dict(color=colour(number))
    axes.plot(trimap['widths'], values, marker=marker(number), label=name, **look)
    axes.axhline(whole, linestyle='--', linewidth=1, **look)


def _figure(figure: str) -> str:
    if figure not in FIGURES:
        raise ValueError(f'figure must be one of {list(FIGURES)}, received {figure!r}')
    return figure


def _check_comparable(
    files: Sequence[str | Path], reports: Sequence[dict[str, Any]]
) -> None:
    around = {
        str(file): report['trimap']['around']
        for file, report in zip(files, reports, strict=True)
    }
    if len(set(around.values())) > 1:
        raise ValueError(
            f'the bands lie around different borders: {around}. Evaluate with the same '
            'test_evaluator.trimap_around'
        )
