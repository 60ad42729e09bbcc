"""Checked loading of images and labels."""

from .errors import DataFileError
from .loading import LoadCheckedAnnotations, LoadCheckedImage

__all__ = ['DataFileError', 'LoadCheckedAnnotations', 'LoadCheckedImage']
