"""Every figure of a segmentation, from one confusion matrix."""

from collections.abc import Sequence

import numpy as np


def per_class_figures(
    confusion: np.ndarray, *, beta: float = 1.0
) -> dict[str, np.ndarray]:
    """Return IoU, Acc, Dice, Fscore, Precision and Recall of each class, 0..1.

    Args:
        confusion: ``(K, K)`` counts, rows are the truth.
        beta: Weight of recall in the F-score.

    Returns:
        ``(K,)`` arrays by name; NaN where a class occurs neither in truth nor in
        prediction (or, for ``Acc`` and ``Recall``, not in truth, and for
        ``Precision``, not in prediction).
    """
    confusion = confusion.astype(np.float64)
    hit, truth, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    with np.errstate(divide='ignore', invalid='ignore'):
        precision, recall = hit / predicted, hit / truth
        weighted = beta**2 * precision + recall
        return {
            'IoU': hit / (truth + predicted - hit),
            'Acc': recall,
            'Dice': 2 * hit / (truth + predicted),
            'Fscore': (1 + beta**2) * precision * recall / weighted,
            'Precision': precision,
            'Recall': recall,
        }


def summary_figures(confusion: np.ndarray, *, beta: float = 1.0) -> dict[str, float]:
    """Return aAcc, fwIoU and the class means (``mIoU``, ``mAcc``, ...), 0..1.

    ``fwIoU`` weighs each class's IoU by its share of the true pixels; the means leave
    out classes whose figure is NaN.
    """
    classes = per_class_figures(confusion, beta=beta)
    total = confusion.sum()
    if total == 0:
        raise ValueError('no labelled pixel was evaluated: every label is ignore_index')
    share = confusion.sum(1) / total
    figures = {
        'aAcc': float(confusion.diagonal().sum() / total),
        'fwIoU': float(np.nansum(share * classes['IoU'])),
    }
    figures.update({f'm{name}': float(np.nanmean(v)) for name, v in classes.items()})
    return figures


def figures_table(classes: Sequence[str], confusion: np.ndarray) -> str:
    """Return a text table of the per-class figures in percent, with the class means."""
    names = ('IoU', 'Acc', 'Precision', 'Dice')
    columns = per_class_figures(confusion)
    shares = 100 * confusion.sum(1) / max(confusion.sum(), 1)
    width = max(len('class'), *(len(name) for name in classes))
    lines = [f'{"class":{width}}  {"pixels %":>9}' + ''.join(f'{n:>11}' for n in names)]
    for index, label in enumerate(classes):
        cells = ''.join(f'{100 * columns[n][index]:11.2f}' for n in names)
        lines.append(f'{label:{width}}  {shares[index]:9.2f}{cells}')
    means = ''.join(f'{100 * np.nanmean(columns[n]):11.2f}' for n in names)
    lines += ['-' * len(lines[0]), f'{"mean":{width}}  {"":9}{means}']
    return '\n'.join(lines)
