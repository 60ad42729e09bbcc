"""How an architecture search decides: alpha and beta over the iterations."""

from pathlib import Path

import numpy as np

from mmseg_deeplab.engine.architecture_search import read_record
from mmseg_deeplab.models.backbones.auto_deeplab_search import CHOICES, STEPS
from mmseg_deeplab.utils.errors import InputError

from .plot_style import check_format, line_style, save_figure


def plot_architecture(work_dir: str | Path, path: str | Path) -> None:
    """Draw the probabilities of the operations and of the steps of a search.

    The upper row has a panel for each edge of the cell, with a line for each operation;
    the lower row one for each layer, with a line for each step from stride to stride.
    """
    from matplotlib.figure import Figure  # slow to import; pyplot is not needed

    check_format(path)
    record = read_record(work_dir)
    if not record:
        raise InputError(f'{work_dir}: the record of the search is empty')
    iterations = [line['iteration'] for line in record]
    alpha = np.array([line['alpha'] for line in record])  # (T, edges, 8)
    beta = np.array([line['beta'] for line in record])  # (T, L, 4, 3)
    columns = max(alpha.shape[1], beta.shape[1])
    figure = Figure(figsize=(1.2 + 2.2 * columns, 5.5), layout='constrained')
    upper, lower = figure.subplots(2, columns, squeeze=False, sharey='row')
    for edge, (block, state) in enumerate(_edges(alpha.shape[1])):
        for number, name in enumerate(CHOICES):
            upper[edge].plot(
                iterations, alpha[:, edge, number], label=name, **line_style(number)
            )
        upper[edge].set_title(f'block {block} reads state {state}', fontsize=8)
    for layer in range(beta.shape[1]):
        for number, (name, values) in enumerate(_steps(beta[:, layer], layer)):
            lower[layer].plot(iterations, values, label=name, **line_style(number))
        lower[layer].set_title(f'step to layer {layer + 1}', fontsize=8)
        lower[layer].legend(fontsize=6, ncols=2)
    upper[0].legend(fontsize=6)
    for axes in (*upper[alpha.shape[1] :], *lower[beta.shape[1] :]):
        axes.set_axis_off()
    figure.supxlabel('iteration')
    figure.supylabel('probability')
    save_figure(figure, path)


def _edges(count: int) -> list[tuple[int, int]]:
    """Return the block and the state of each edge."""
    edges: list[tuple[int, int]] = []
    block = 0
    while len(edges) < count:
        edges += [(block, state) for state in range(block + 2)]
        block += 1
    return edges


def _steps(beta: np.ndarray, layer: int) -> list[tuple[str, np.ndarray]]:
    """Return the steps that a layer's nodes can take, ``(T, 4, 3)`` to names, values.

    After ``layer`` steps the levels 0 to ``layer`` can have been reached.
    """
    levels = range(min(layer + 1, beta.shape[1]))
    return [
        (f'{4 * 2**level} to {4 * 2 ** (level + step)}', beta[:, level, column])
        for level in levels
        for column, step in enumerate(STEPS)
        if 0 <= level + step < beta.shape[1]
    ]
