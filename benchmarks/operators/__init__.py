"""The functions of ``mmseg_deeplab.ops`` against what MMSeg and PyTorch do."""

from collections.abc import Iterator, Sequence

import torch

from benchmarks.case import Case
from benchmarks.report import (
    errors_text,
    limit_text,
    megabytes_text,
    memory_ratio_text,
    multiply_adds_text,
    ratio_text,
    seconds_text,
)

from . import confusion, summed_atrous_conv, upsample_argmax, upsample_cross_entropy

# Each module has `cases(device, quick)`.
OPERATORS = {
    'summed_atrous_conv': summed_atrous_conv,
    'upsample_cross_entropy': upsample_cross_entropy,
    'upsample_argmax': upsample_argmax,
    'confusion': confusion,
}


def operator_cases(
    device: torch.device, *, only: Sequence[str] = (), quick: bool = False
) -> Iterator[Case]:
    """Make the cases one after the other.

    Args:
        device: Of both.
        only: Names out of ``OPERATORS``; none for all.
        quick: A case or two of each.

    Raises:
        ValueError: If there is no such operator.
    """
    unknown = [name for name in only if name not in OPERATORS]
    if unknown:
        raise ValueError(f'no operator {unknown}: choose among {list(OPERATORS)}')
    for name in only or OPERATORS:
        yield from OPERATORS[name].cases(device, quick=quick)


OPERATOR_COLUMNS = {
    'function': lambda row: f'`{row["group"]}`',
    'case': lambda row: row['name'],
    'stock, ms': lambda row: seconds_text(row, 'stock', unit=1e-3),
    'ours, ms': lambda row: seconds_text(row, 'ours', unit=1e-3),
    'times faster (range)': ratio_text,
    'stock, MB': lambda row: megabytes_text(row, 'stock'),
    'ours, MB': lambda row: megabytes_text(row, 'ours'),
    'times less memory': memory_ratio_text,
    'multiply-adds, G': multiply_adds_text,
    'of the limit': limit_text,
    'largest errors': errors_text,
}
