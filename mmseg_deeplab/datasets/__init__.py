"""Data sets and the checked loading of their files."""

from .camvid import CamVidDataset
from .folder import FolderDataset
from .synthetic_streets import SyntheticStreets
from .transforms import LoadCheckedAnnotations, LoadCheckedImage

__all__ = [
    'CamVidDataset',
    'FolderDataset',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
    'SyntheticStreets',
]
