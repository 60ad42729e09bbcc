"""Models in files that need neither config nor network code."""

from mmseg_deeplab.inference.exported import ExportedPredictor

from .file_formats import FORMATS
from .int8 import NUM_IMAGES, Calibration, Evaluation, export_int8, int8_text
from .metadata import OUTPUTS, ExportMetadata
from .network_file import Export, export_model
from .quantize import METHODS

__all__ = [
    'FORMATS',
    'METHODS',
    'NUM_IMAGES',
    'OUTPUTS',
    'Calibration',
    'Evaluation',
    'Export',
    'ExportMetadata',
    'ExportedPredictor',
    'export_int8',
    'export_model',
    'int8_text',
]
