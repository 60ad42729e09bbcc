"""Models in files that need neither a config nor the code of the network."""

from .export_formats import FORMATS
from .exporting import Export, export_model
from .graph import OUTPUTS
from .int8 import METHODS, NUM_IMAGES, export_int8, int8_text
from .network_file import export_network

__all__ = [
    'FORMATS',
    'METHODS',
    'NUM_IMAGES',
    'OUTPUTS',
    'Export',
    'export_int8',
    'export_model',
    'export_network',
    'int8_text',
]
