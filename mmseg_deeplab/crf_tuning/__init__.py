"""Stage two of training: search or learn the CRF behind a trained network."""

from .preparation import TuningOptions, TuningSetup
from .ranges import RANGES, choose_ranges
from .tune import comparison_table, learn_crf, number_of_evaluations, search_crf

__all__ = [
    'RANGES',
    'TuningOptions',
    'TuningSetup',
    'choose_ranges',
    'comparison_table',
    'learn_crf',
    'number_of_evaluations',
    'search_crf',
]
