"""Annotations of other tools become a folder that ``FolderDataset`` reads."""

from .annotation_formats import FORMATS
from .import_folder import ImportOptions, import_folder
from .import_report import ImportReport

__all__ = ['FORMATS', 'ImportOptions', 'ImportReport', 'import_folder']
