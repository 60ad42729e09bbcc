"""Data sets and the checked loading of their files."""

from .alternating_halves import AlternatingHalvesSampler
from .camvid import CamVidDataset
from .folder import FolderDataset
from .synthetic_streets import SyntheticStreets
from .transforms import LoadCheckedAnnotations, LoadCheckedImage

__all__ = [
    'AlternatingHalvesSampler',
    'CamVidDataset',
    'FolderDataset',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
    'SyntheticStreets',
]
