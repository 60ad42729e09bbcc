"""Checked loading of images and labels; random transforms in less time."""

from mmseg_deeplab.utils.data_file_errors import DataFileError

from .checked_loading import LoadCheckedAnnotations, LoadCheckedImage
from .decoded_files import DecodedFiles
from .label_colors import LabelColors
from .photometric import LeanPhotoMetricDistortion
from .random_crop import LeanRandomCrop

__all__ = [
    'DataFileError',
    'DecodedFiles',
    'LabelColors',
    'LeanPhotoMetricDistortion',
    'LeanRandomCrop',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
]
