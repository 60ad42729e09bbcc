"""Checked loading of images and labels."""

from .errors import DataFileError
from .label_colors import LabelColors
from .loading import LoadCheckedAnnotations, LoadCheckedImage

__all__ = [
    'DataFileError',
    'LabelColors',
    'LoadCheckedAnnotations',
    'LoadCheckedImage',
]
