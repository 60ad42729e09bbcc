"""Images and plots of data sets, trainings, evaluations and benchmarks."""

from .browsed_images import browse
from .browsed_samples import SPLITS, STAGES, Sample, build_dataset, draw_sample
from .class_bars import plot_classes
from .confusion_plot import plot_confusion
from .curves import plot_curves
from .run_log import read_scalars, series
from .scatter import plot_scatter
from .trimap_plot import plot_trimap

__all__ = [
    'SPLITS',
    'STAGES',
    'Sample',
    'browse',
    'build_dataset',
    'draw_sample',
    'plot_classes',
    'plot_confusion',
    'plot_curves',
    'plot_scatter',
    'plot_trimap',
    'read_scalars',
    'series',
]
