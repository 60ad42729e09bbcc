"""A bar chart: how many times faster, and with how many times less memory."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .machine import threads_text

NAME_WIDTH = 48  # characters in a line
COLOUR = {'time': 'tab:blue', 'memory': 'tab:green'}


def draw_chart(result: dict[str, Any], path: str | Path) -> None:
    """Draw ratios; the seconds of ours where there was nothing to compare with.

    Args:
        result: From :func:`run_benchmark`.
        path: PNG to write.
    """
    from matplotlib.figure import Figure  # slow to import, needed here alone

    rows = result['rows']
    figure = Figure(figsize=(12, 1.5 + 0.34 * len(rows)), layout='constrained')
    time_axes, memory_axes = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    if any(row['ratio'] for row in rows):
        _time_ratios(time_axes, rows, with_times='gpu' in result['machine'])
        _memory_ratios(memory_axes, rows)
    else:
        _own_figures(time_axes, memory_axes, rows)
    names = [
        textwrap.fill(f'{row["group"]}  {row["name"]}', NAME_WIDTH) for row in rows
    ]
    time_axes.set_yticks(range(len(rows)), names, fontsize=8)
    time_axes.set_ylim(len(rows) - 0.4, -0.6)  # the first row on top
    for axes in (time_axes, memory_axes):
        axes.grid(axis='x', alpha=0.3)
        axes.set_axisbelow(True)
    time_axes.margins(x=0.55)
    memory_axes.margins(x=0.2)
    figure.suptitle(_title(result), fontsize=9)
    figure.savefig(path, dpi=110)


def _title(result: dict[str, Any]) -> str:
    machine = result['machine']
    where = machine.get('gpu') or f'{machine["cpu"]}, {threads_text(machine)}'
    return f'{result["benchmark"]}: {where}, PyTorch {machine["torch"]}'


def _time_ratios(
    axes: Any, rows: Sequence[dict[str, Any]], *, with_times: bool
) -> None:
    ratios = [row['ratio'] or dict(median=0, min=0, max=0) for row in rows]
    spread = [
        [max(0, ratio['median'] - ratio['min']) for ratio in ratios],
        [max(0, ratio['max'] - ratio['median']) for ratio in ratios],
    ]
    labels = [_time_label(row, with_times=with_times) for row in rows]
    _bars(axes, [ratio['median'] for ratio in ratios], labels, 'time', spread)
    axes.axvline(1, color='black', linewidth=1)
    axes.set_xlabel('times faster than stock')


def _time_label(row: dict[str, Any], *, with_times: bool) -> str:
    if row['ratio'] is None:
        return 'nothing to compare with'
    if not with_times:
        return f'{row["ratio"]["median"]:.2f}x'
    medians = (row[role]['seconds']['total']['median'] for role in ('stock', 'ours'))
    before, after = (
        f'{value:.2f} s' if value >= 1 else f'{1e3 * value:.3g} ms' for value in medians
    )
    return f'{row["ratio"]["median"]:.2f}x   {before} to {after}'


def _memory_ratios(axes: Any, rows: Sequence[dict[str, Any]]) -> None:
    ratios = [row['memory_ratio'] for row in rows]
    labels = ['' if ratio is None else f'{ratio:.1f}x' for ratio in ratios]
    _bars(axes, [ratio or 0 for ratio in ratios], labels, 'memory')
    axes.axvline(1, color='black', linewidth=1)
    axes.set_xlabel('times less memory than stock')


def _own_figures(
    time_axes: Any, memory_axes: Any, rows: Sequence[dict[str, Any]]
) -> None:
    seconds = [row['ours']['seconds']['total']['median'] for row in rows]
    _bars(time_axes, seconds, [f'{value:.3g}' for value in seconds], 'time')
    time_axes.set_xlabel('seconds')
    peaks = [(row['ours']['peak_bytes'] or 0) / 1e6 for row in rows]
    _bars(memory_axes, peaks, [f'{value:.0f}' for value in peaks], 'memory')
    memory_axes.set_xlabel('peak memory, MB')


def _bars(
    axes: Any,
    values: Sequence[float],
    labels: Sequence[str],
    kind: str,
    spread: Sequence[Sequence[float]] | None = None,
) -> None:
    bars = axes.barh(
        range(len(values)),
        values,
        color=COLOUR[kind],
        xerr=spread,
        error_kw=dict(elinewidth=1, capsize=2),
    )
    axes.bar_label(bars, labels, padding=4, fontsize=8)
