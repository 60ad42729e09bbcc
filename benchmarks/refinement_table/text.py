"""The table of refinements in words."""

from collections.abc import Sequence
from typing import Any

from .measure import Result

CRF_COLUMNS = {
    'iterations': 'num_iterations',
    'w1': 'bilateral_weight',
    'sigma_alpha': 'bilateral_xy',
    'sigma_beta': 'bilateral_rgb',
    'w2': 'gaussian_weight',
    'sigma_gamma': 'gaussian_xy',
}


def markdown(results: Sequence[Result]) -> str:
    """Return mIoU, pixel accuracy and the mIoU of each band as a Markdown table."""
    widths = results[0].report['trimap']['widths']
    head = ['', 'mIoU', 'aAcc', *(f'trimap {width} px' for width in widths)]
    rows = [
        [
            result.variant.name,
            _number(result.report['figures']['mIoU']),
            _number(result.report['figures']['aAcc']),
            *map(_number, result.report['trimap']['mIoU']),
        ]
        for result in results
    ]
    return _table(head, rows)


def class_table(results: Sequence[Result]) -> str:
    """Return the IoU of each class that occurs, one column per variant."""
    head = ['IoU', *(result.variant.name for result in results)]
    rows = []
    for name in results[0].report.get('classes') or results[0].report['per_class']:
        ious = [result.report['per_class'][name]['IoU'] for result in results]
        if any(iou is not None for iou in ious):
            rows.append([name, *map(_number, ious)])
    return _table(head, rows)


def crf_table(results: Sequence[Result]) -> str:
    """Return the settings of the CRFs at one scale as a Markdown table."""
    rows = [
        [result.variant.name, *_settings(result.variant.crf)]
        for result in results
        if result.variant.crf and not result.variant.multi_scale
    ]
    return _table(['', *CRF_COLUMNS, 'compatibility'], rows)


def notes(results: Sequence[Result]) -> list[str]:
    """Say which variants do not help, by mIoU."""
    scores = {r.variant.name: r.report['figures']['mIoU'] for r in results}
    return [
        f'"{name}" does not help this model: {scores[base]:.2f} mIoU without, '
        f'{scores[name]:.2f} with it.'
        for name, base in ((r.variant.name, r.variant.base) for r in results)
        if base and scores[name] <= scores[base]
    ]


def _settings(crf: dict[str, Any]) -> list[str]:
    matrix = crf.get('compatibility')
    numbers = [f'{crf[key]:.3g}' if key in crf else '-' for key in CRF_COLUMNS.values()]
    return [*numbers, 'Potts' if matrix is None else 'learned']


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
