"""The stock path and ours, alternately in one process: time, memory, agreement."""

from .crf import CRF_COLUMNS, crf_cases
from .operators import OPERATOR_COLUMNS, OPERATORS, operator_cases
from .report import draw_bars, write_report
from .run import run_benchmark
from .settings import Settings

__all__ = [
    'CRF_COLUMNS',
    'OPERATORS',
    'OPERATOR_COLUMNS',
    'Settings',
    'crf_cases',
    'draw_bars',
    'operator_cases',
    'run_benchmark',
    'write_report',
]
