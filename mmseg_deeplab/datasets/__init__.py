"""Data sets and the checked loading of their files."""

from .alternating_halves import AlternatingHalvesSampler
from .camvid import CamVidDataset
from .cityscapes_panoptic import CityscapesPanopticDataset
from .folder import FolderDataset
from .panoptic_json import CocoPanopticDataset
from .synthetic_streets import SyntheticStreets
from .transforms import LoadBands, LoadCheckedAnnotations, LoadCheckedImage

__all__ = [
    'AlternatingHalvesSampler',
    'CamVidDataset',
    'CityscapesPanopticDataset',
    'CocoPanopticDataset',
    'FolderDataset',
    'LoadBands',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
    'SyntheticStreets',
]
