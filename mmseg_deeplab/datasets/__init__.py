"""Data sets and the checked loading of their files."""

from .camvid import CamVidDataset
from .synthetic_streets import SyntheticStreets
from .transforms import LoadCheckedAnnotations, LoadCheckedImage

__all__ = [
    'CamVidDataset',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
    'SyntheticStreets',
]
