"""Every metric of a segmentation, computed from one confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_deeplab.utils.errors import InputError


def per_class_metrics(
    confusion: np.ndarray, *, beta: float = 1.0, nan_to_num: float | None = None
) -> dict[str, np.ndarray]:
    """Return IoU, Acc, Dice, Fscore, Precision and Recall of each class, 0..1.

    ``confusion`` has the ground truth in its rows, ``beta`` is the weight of recall in
    the F-score. A value is NaN, or ``nan_to_num``, only where it would be 0 / 0;
    MMSegmentation's F-score is NaN for a class that is never predicted, too.
    """
    confusion = confusion.astype(np.float64)
    hits, labelled, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    with np.errstate(divide='ignore', invalid='ignore'):
        recall = hits / labelled
        columns = {
            'IoU': hits / (labelled + predicted - hits),
            'Acc': recall,
            'Dice': 2 * hits / (labelled + predicted),
            'Fscore': (1 + beta**2) * hits / (beta**2 * labelled + predicted),
            'Precision': hits / predicted,
            'Recall': recall,
        }
    if nan_to_num is None:
        return columns
    return {name: np.nan_to_num(v, nan=nan_to_num) for name, v in columns.items()}


def summary_metrics(
    confusion: np.ndarray, *, beta: float = 1.0, nan_to_num: float | None = None
) -> dict[str, float]:
    """Return aAcc, fwIoU and the class means (``mIoU``, ``mAcc``, ...), 0..1.

    ``fwIoU`` weights the IoU of each class by its share of the labelled pixels. The
    means leave out classes whose value is NaN.
    """
    classes = per_class_metrics(confusion, beta=beta, nan_to_num=nan_to_num)
    total = confusion.sum()
    if total == 0:
        raise InputError('no labelled pixel was evaluated: every label is ignore_index')
    means = {f'm{name}': float(np.nanmean(v)) for name, v in classes.items()}
    return {
        'aAcc': float(confusion.trace() / total),
        'fwIoU': float(np.nansum(confusion.sum(1) / total * classes['IoU'])),
        **means,
    }


def metrics_table(classes: Sequence[str], confusion: np.ndarray) -> str:
    """Return a text table of the metrics of each class in percent, and their means."""
    names = ('IoU', 'Acc', 'Precision', 'Dice')
    columns = per_class_metrics(confusion)
    shares = 100 * confusion.sum(1) / max(confusion.sum(), 1)
    width = max(len('class'), *(len(name) for name in classes))
    lines = [f'{"class":{width}}  {"pixels %":>9}' + ''.join(f'{n:>11}' for n in names)]
    for index, label in enumerate(classes):
        cells = ''.join(f'{100 * columns[n][index]:11.2f}' for n in names)
        lines.append(f'{label:{width}}  {shares[index]:9.2f}{cells}')
    means = ''.join(f'{100 * np.nanmean(columns[n]):11.2f}' for n in names)
    lines += ['-' * len(lines[0]), f'{"mean":{width}}  {"":9}{means}']
    return '\n'.join(lines)


def trimap_metrics(
    bands: np.ndarray,
    widths: Sequence[int],
    classes: Sequence[str],
    *,
    nan_to_num: float | None = None,
) -> dict[str, Any]:
    """Return mIoU, aAcc, pixel counts and the IoU of each class by band, in percent.

    ``bands``, ``(B, K, K)``, are counts of the pixels that lie in a band but in no
    narrower one. A value is None where the band is empty or lacks the class.
    """
    cumulative = bands.cumsum(0)
    ious = [per_class_metrics(c, nan_to_num=nan_to_num)['IoU'] for c in cumulative]
    totals = cumulative.sum((1, 2))
    hits = cumulative.trace(axis1=1, axis2=2)
    rows = list(zip(ious, hits, totals, strict=True))
    return dict(
        widths=list(widths),
        mIoU=[percent(np.nanmean(iou)) if n else None for iou, _, n in rows],
        aAcc=[percent(hit / n) if n else None for _, hit, n in rows],
        pixels=totals.tolist(),
        per_class={
            name: [percent(iou[i]) for iou in ious] for i, name in enumerate(classes)
        },
    )


def trimap_table(trimap: dict[str, Any]) -> str:
    """Return :func:`trimap_metrics` as a text table with one row per width."""
    lines = [f'{"trimap, px":>10}{"mIoU":>11}{"aAcc":>11}{"pixels":>14}']
    columns = (trimap[name] for name in ('widths', 'mIoU', 'aAcc', 'pixels'))
    for width, *values, pixels in zip(*columns, strict=True):
        cells = ''.join(f'{"-" if v is None else f"{v:.2f}":>11}' for v in values)
        lines.append(f'{width:10}{cells}{pixels:14}')
    return '\n'.join(lines)


def percent(share: float) -> float | None:
    """Return a share in percent with MMSegmentation's two decimals, None for NaN."""
    return None if np.isnan(share) else round(100 * float(share), 2)
