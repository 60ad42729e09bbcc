"""Pictures of a search and of a learning curve."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .ranges import AXES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WEIGHT, XY, RGB = AXES


def plot_search(
    results: Sequence[dict[str, Any]],
    path: str | Path,
    *,
    references: dict[str, float],
    title: str = '',
) -> None:
    """Draw the mIoU over both widths, best over the weight, and over the weight.

    Left the coarse grid, in the middle the finer ones with the points they surround,
    right the best mIoU of each weight. A frame marks the best of each grid.

    Args:
        results: Entries with the three parameters, ``mIoU`` and ``grid``.
        path: PNG to write.
        references: mIoU of what the search is compared with, by name.
        title: Heading.
    """
    from matplotlib.figure import Figure  # slow to import, needed here alone

    coarse = [r for r in results if r['grid'] == 'coarse']
    grids = {'coarse grid': coarse}
    if len(coarse) < len(results):
        grids['finer grids'] = _near_fine(results)
    columns = [max(3.6, 0.62 * len({r[XY] for r in g})) for g in grids.values()]
    figure = Figure(figsize=(sum(columns) + 5.2, 4.6), layout='constrained')
    axes = figure.subplots(1, len(grids) + 1, width_ratios=[*columns, 3.2])
    for place, (name, grid) in zip(axes, grids.items(), strict=False):
        _draw_grid(figure, place, grid, name=name)
    _draw_weights(axes[-1], results, references)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def _near_fine(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the results within the area that the finer grids cover."""
    fine = [r for r in results if r['grid'] != 'coarse']
    low, high = (
        {axis: pick(r[axis] for r in fine) for axis in (XY, RGB)} for pick in (min, max)
    )
    return [r for r in results if all(low[a] <= r[a] <= high[a] for a in (XY, RGB))]


def best_over_weight(
    results: Sequence[dict[str, Any]],
) -> tuple[list[float], list[float], np.ndarray, np.ndarray]:
    """Return sigma_alphas, sigma_betas, and ``(betas, alphas)`` mIoU and best weight.

    Where nothing was evaluated, both are NaN.
    """
    alphas = sorted({r[XY] for r in results})
    betas = sorted({r[RGB] for r in results})
    scores = np.full((len(betas), len(alphas)), np.nan)
    weights = scores.copy()
    for result in results:
        place = betas.index(result[RGB]), alphas.index(result[XY])
        if not result['mIoU'] <= scores[place]:
            scores[place], weights[place] = result['mIoU'], result[WEIGHT]
    return alphas, betas, scores, weights


def _draw_grid(
    figure: 'Figure', axes: 'Axes', results: Sequence[dict[str, Any]], *, name: str
) -> None:
    from matplotlib.patches import Rectangle

    alphas, betas, scores, weights = best_over_weight(results)
    picture = axes.imshow(scores, origin='lower', aspect='auto', cmap='viridis')
    figure.colorbar(picture, ax=axes, label='mIoU, %', shrink=0.8)
    middle = (np.nanmin(scores) + np.nanmax(scores)) / 2
    for y, x in zip(*np.nonzero(~np.isnan(scores)), strict=True):
        axes.text(
            x,
            y,
            f'{scores[y, x]:.2f}\n{weights[y, x]:g}',
            ha='center',
            va='center',
            fontsize=7,
            color='black' if scores[y, x] > middle else 'white',
        )
    y, x = np.unravel_index(np.nanargmax(scores), scores.shape)
    frame = Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor='red', lw=2.5)
    frame.set_clip_on(False)
    axes.add_patch(frame)
    axes.set_xticks(range(len(alphas)), [f'{v:g}' for v in alphas])
    axes.set_yticks(range(len(betas)), [f'{v:g}' for v in betas])
    axes.set(
        xlabel='bilateral_xy (sigma_alpha), px',
        ylabel='bilateral_rgb (sigma_beta)',
        title=f'{name}: mIoU, % and best weight',
    )


def _draw_weights(
    axes: 'Axes', results: Sequence[dict[str, Any]], references: dict[str, float]
) -> None:
    weights = sorted({r[WEIGHT] for r in results})
    best = [max(r['mIoU'] for r in results if r[WEIGHT] == w) for w in weights]
    axes.plot(weights, best, marker='o', label='best over both widths')
    for style, (name, value) in zip(
        (':', '--', '-.'), references.items(), strict=False
    ):
        axes.axhline(value, color='tab:gray', ls=style, label=f'{name}, {value:.2f}')
    place = int(np.argmax(best))
    axes.plot(weights[place], best[place], 's', ms=11, mfc='none', mec='red', mew=2)
    axes.annotate(
        f'{best[place]:.2f}',
        (weights[place], best[place]),
        xytext=(0, 9),
        textcoords='offset points',
        ha='center',
    )
    axes.margins(x=0.12, y=0.18)
    axes.set(xlabel='bilateral_weight (w1)', ylabel='mIoU, %', title='weight')
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def plot_learning(
    history: Sequence[dict[str, Any]], path: str | Path, *, best: int, title: str = ''
) -> None:
    """Draw loss, mIoU and the parameters, relative to the start, over the epochs.

    Args:
        history: One entry per epoch, the start first.
        path: PNG to write.
        best: The epoch that was kept.
        title: Heading.
    """
    from matplotlib.figure import Figure

    epochs = [entry['epoch'] for entry in history]
    figure = Figure(figsize=(10, 3.6), layout='constrained')
    left, middle, right = figure.subplots(1, 3)
    for axes, key, label in (
        (left, 'loss', 'training loss'),
        (middle, 'mIoU', 'mIoU on the tuning images, %'),
    ):
        points = [(e['epoch'], e[key]) for e in history if e.get(key) is not None]
        axes.plot(*zip(*points, strict=True), marker='o')
        axes.set(xlabel='epoch', ylabel=label)
    middle.axvline(best, color='red', lw=1, label='kept')
    middle.legend(fontsize=8)
    for name, start in history[0]['parameters'].items():
        if start:
            values = [entry['parameters'][name] / start for entry in history]
            right.plot(epochs, values, label=name)
    right.set(xlabel='epoch', ylabel='parameter / start')
    right.legend(fontsize=8)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
