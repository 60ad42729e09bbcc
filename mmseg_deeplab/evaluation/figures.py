"""Every figure of a segmentation, from one confusion matrix."""

from collections.abc import Sequence
from typing import Any

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


def trimap_figures(
    bands: np.ndarray,
    widths: Sequence[int],
    classes: Sequence[str],
    *,
    nan_to_num: float | None = None,
) -> dict[str, Any]:
    """Return mIoU, aAcc and each class's IoU within each band, in percent.

    Args:
        bands: ``(B, K, K)`` counts of the pixels of each band that no narrower band
            holds, rows are the truth.
        widths: ``B`` widths in pixels.
        classes: ``K`` names.
        nan_to_num: Value of a class that does not occur in a band; by default it is
            left out of the mean.

    Returns:
        ``widths``, ``mIoU``, ``aAcc``, ``pixels`` (labelled ones in the band) as lists
        of ``B``, and ``per_class``: such a list of IoU by name. None where a band is
        empty or does not hold a class.
    """
    cumulative = bands.cumsum(0)
    ious = [per_class_figures(confusion)['IoU'] for confusion in cumulative]
    if nan_to_num is not None:
        ious = [np.nan_to_num(iou, nan=nan_to_num) for iou in ious]
    totals = cumulative.sum((1, 2))
    hits = cumulative.trace(axis1=1, axis2=2)
    filled = list(zip(ious, hits, totals, strict=True))
    return dict(
        widths=list(widths),
        mIoU=[percent(np.nanmean(iou)) if n else None for iou, _, n in filled],
        aAcc=[percent(hit / n) if n else None for _, hit, n in filled],
        pixels=totals.tolist(),
        per_class={
            name: [percent(iou[i]) for iou in ious] for i, name in enumerate(classes)
        },
    )


def trimap_table(trimap: dict[str, Any]) -> str:
    """Return a text table of :func:`trimap_figures`, one row per width."""
    lines = [f'{"trimap, px":>10}{"mIoU":>11}{"aAcc":>11}{"pixels":>14}']
    for width, *values, pixels in zip(
        *(trimap[name] for name in ('widths', 'mIoU', 'aAcc', 'pixels')), strict=True
    ):
        cells = ''.join(f'{"-" if v is None else f"{v:.2f}":>11}' for v in values)
        lines.append(f'{width:10}{cells}{pixels:14}')
    return '\n'.join(lines)


def percent(share: float) -> float | None:
    """Return a share as percent with the host's two decimals, None for NaN."""
    return None if np.isnan(share) else round(100 * float(share), 2)
