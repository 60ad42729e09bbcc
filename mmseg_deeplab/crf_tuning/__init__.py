"""The second stage of training: search or learn the CRF behind a trained network."""

from .gradient_learning import CRFLearner
from .grid_search import AXES, RANGES, CRFSearch, parse_range
from .tuning_setup import TuningSetup, comparison_table, tune

__all__ = [
    'AXES',
    'RANGES',
    'CRFLearner',
    'CRFSearch',
    'TuningSetup',
    'comparison_table',
    'parse_range',
    'tune',
]
