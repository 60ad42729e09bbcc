"""Pictures of a data set's samples: what ``tools/browse_dataset.py`` writes."""

from .pictures import browse
from .samples import SPLITS, STAGES, Sample, build_dataset, draw_sample

__all__ = ['SPLITS', 'STAGES', 'Sample', 'browse', 'build_dataset', 'draw_sample']
