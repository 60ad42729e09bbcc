"""Checked loading of images and labels; random transforms in less time."""

from mmseg_deeplab.utils.data_file_errors import DataFileError

from .band_loading import LoadBands
from .checked_loading import DecodedFiles, LoadCheckedAnnotations, LoadCheckedImage
from .label_colors import LabelColors
from .label_packing import LeanPackSegInputs
from .lean_transforms import LeanPhotoMetricDistortion, LeanRandomCrop
from .panoptic_loading import LoadPanopticAnnotations
from .panoptic_targets import (
    GeneratePanopticTargets,
    PackPanopticInputs,
    PadPanopticInputs,
)

__all__ = [
    'DataFileError',
    'DecodedFiles',
    'GeneratePanopticTargets',
    'LabelColors',
    'LeanPackSegInputs',
    'LeanPhotoMetricDistortion',
    'LeanRandomCrop',
    'LoadBands',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
    'LoadPanopticAnnotations',
    'PackPanopticInputs',
    'PadPanopticInputs',
]
