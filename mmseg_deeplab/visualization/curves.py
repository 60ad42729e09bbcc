"""Loss, mIoU and learning rate of one or several trainings over the iterations."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmseg_deeplab.utils.errors import InputError

from .plot_style import (
    check_format,
    line_style,
    names_of,
    new_figure,
    save_figure,
)
from .run_log import Record, read_scalars, run_name, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_NAMES = ('loss', 'mIoU', 'lr')
TITLES = {'loss': 'training loss', 'mIoU': 'validation mIoU, %', 'lr': 'learning rate'}


def plot_curves(
    runs: Sequence[str | Path],
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    smoothing: float = 0.0,
    title: str = '',
) -> None:
    """Draw logged values over the iterations, one panel per name, one line per run.

    Args:
        runs: Work folders or logs, see :func:`read_scalars`.
        path: The file of the plot; its suffix determines the format.
        labels: The names of the runs in the legend; by default those of the folders,
            and none for a single run.
        names: The names in the log; by default those of :data:`DEFAULT_NAMES` that were
            logged.
        smoothing: The weight of :func:`smooth` for what was logged in training. The
            logged values stay as faint lines.
        title: The heading.
    """
    check_format(path)
    smooth([], smoothing)  # refuses a wrong weight before anything is read
    if len(runs) > 1 or labels:
        labels = names_of([run_name(run) for run in runs], labels, parts=1)
    logs = [read_scalars(run) for run in runs]
    names = _logged_names(runs, logs, names)
    width = 0.5 + 4.2 * len(names)
    figure, panels = new_figure(width, 3.7, columns=len(names), title=title)
    for axes, name in zip(panels, names, strict=True):
        for number, (log, label) in enumerate(zip(logs, labels or [''], strict=True)):
            _draw(axes, log, name, label, line_style(number), smoothing)
        axes.set(xlabel='iteration', ylabel=TITLES.get(name, name))
        if name in ('loss', 'lr'):
            axes.set_ylim(0, None)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(fontsize=8)
    save_figure(figure, path)


def smooth(values: Sequence[float], weight: float) -> np.ndarray:
    """Return the moving average ``s_i = sum_j w^(i-j) v_j / sum_j w^(i-j)``, j <= i.

    It is the exponential average of TensorBoard's slider without its bias to the start.
    Values that are not finite stay as they are and do not enter the average.
    """
    if not 0 <= weight < 1:
        raise InputError(f'smoothing must be in [0, 1), received {weight}')
    smoothed, total, mass = np.array(values, dtype=float), 0.0, 0.0
    for place in np.flatnonzero(np.isfinite(smoothed)):
        total = weight * total + smoothed[place]
        mass = weight * mass + 1
        smoothed[place] = total / mass
    return smoothed


def _logged_names(
    runs: Sequence[str | Path],
    logs: Sequence[list[Record]],
    names: Sequence[str] | None,
) -> list[str]:
    logged = {name for log in logs for record in log for name in record} - {'step'}
    missing = [name for name in names or () if name not in logged]
    found = list(names or [name for name in DEFAULT_NAMES if name in logged])
    if missing or not found:
        raise InputError(
            f'{", ".join(map(str, runs))}: no {", ".join(missing or DEFAULT_NAMES)} '
            f'was logged; there are {", ".join(sorted(logged))}'
        )
    return found


def _draw(
    axes: 'Axes', log: list[Record], name: str, label: str, style: dict, weight: float
) -> None:
    steps, values = series(log, name)
    if name == 'lr':
        axes.plot(steps, values, **style, label=label)
    elif any(name in record for record in log if 'loss' in record):
        if weight:
            axes.plot(steps, values, **style, alpha=0.3)
        axes.plot(steps, smooth(values, weight), **style, label=label)
    elif np.isfinite(values).any():
        best = int(np.nanargmax(values))
        text = f'{label}\nbest {values[best]:.4g} at {steps[best]}'.strip()
        axes.plot(steps, values, **style, marker='o', markersize=4, label=text)
