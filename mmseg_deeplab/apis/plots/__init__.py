"""Pictures of trainings, evaluations and benchmarks: what ``tools/plot.py`` draws."""

from .classes import plot_classes
from .confusion import plot_confusion
from .curves import plot_curves
from .run_log import read_scalars, series
from .scatter import plot_scatter
from .trimap import plot_trimap

__all__ = [
    'plot_classes',
    'plot_confusion',
    'plot_curves',
    'plot_scatter',
    'plot_trimap',
    'read_scalars',
    'series',
]
