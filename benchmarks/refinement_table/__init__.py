"""One checkpoint without and with multi-scale inputs and CRFs, in one table."""

from .measure import Bands, Result, build_refiner, evaluation_images, measure
from .outcome import Outcome, write_outcome
from .variants import Variant, list_variants

__all__ = [
    'Bands',
    'Outcome',
    'Result',
    'Variant',
    'build_refiner',
    'evaluation_images',
    'list_variants',
    'measure',
    'write_outcome',
]
