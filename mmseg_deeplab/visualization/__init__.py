"""Plots of trainings, evaluations and benchmarks, and grids of images."""

from .curves import plot_curves
from .metric_plots import plot_classes, plot_confusion, plot_trimap
from .run_log import read_scalars, series
from .scatter import plot_scatter

__all__ = [
    'plot_classes',
    'plot_confusion',
    'plot_curves',
    'plot_scatter',
    'plot_trimap',
    'read_scalars',
    'series',
]
