"""Lines over a growing quantity: time and memory of stock and ours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .growth import QUANTITIES
from .report import Picture

SIDES = {'stock': ('tab:gray', 'o'), 'ours': ('tab:blue', 's')}
STYLES = ('-', '--')  # of the jobs


def draw_growth(result: dict[str, Any], folder: Path, name: str) -> list[Picture]:
    """Write ``NAME_area.png`` and so on, of what was measured.

    Times are relative to the first one of stock, as those of a CPU are not shown.

    Args:
        result: Of the benchmark ``growth``.
        folder: Where to.
        name: Of the benchmark.
    """
    pictures = []
    for quantity, label in QUANTITIES.items():
        jobs = _jobs(result['rows'], quantity)
        if jobs:
            path = folder / f'{name}_{quantity}.png'
            _draw(jobs, label, path)
            text = f'time and memory by {label}: stock and ours'
            pictures.append(Picture(path, path.name, text))
    return pictures


def _jobs(rows: Sequence[dict], quantity: str) -> dict[str, list[dict]]:
    """Return the rows of a quantity by job, in the order of its values."""
    jobs: dict[str, list[dict]] = {}
    for row in rows:
        group, _, job = row['group'].partition(', ')
        if group == quantity:
            jobs.setdefault(job, []).append(row)
    return {
        job: sorted(own, key=lambda row: row['figures']['value'])
        for job, own in jobs.items()
    }


def _draw(jobs: dict[str, list[dict]], label: str, path: Path) -> None:
    from matplotlib.figure import Figure  # slow to import, needed here alone

    figure = Figure(figsize=(10, 4), layout='constrained')
    time_axes, memory_axes = figure.subplots(1, 2)
    for (job, rows), style in zip(jobs.items(), STYLES, strict=False):
        unit = _seconds(rows[0], 'stock')
        for side, (colour, marker) in SIDES.items():
            values = [row['figures']['value'] for row in rows]
            look = dict(color=colour, marker=marker, linestyle=style)
            look['label'] = f'{job}, {side}'
            time_axes.plot(values, [_seconds(r, side) / unit for r in rows], **look)
            peaks = [(row[side]['peak_bytes'] or float('nan')) / 1e6 for row in rows]
            memory_axes.plot(values, peaks, **look)
    time_axes.set_ylabel("time, of stock's at the first point")
    memory_axes.set_ylabel('peak memory, MB')
    for axes in (time_axes, memory_axes):
        axes.set(xscale='log', yscale='log', xlabel=label)
        axes.grid(which='both', alpha=0.3)
    time_axes.legend()
    figure.savefig(path, dpi=110)


def _seconds(row: dict[str, Any], side: str) -> float:
    return row[side]['seconds']['total']['median']
