"""Segmentors of the DeepLab family."""

from .lean_encoder_decoder import LeanEncoderDecoder, predicting
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .original_image import original_image
from .tta_models import BatchedTTAModel, LeanTTAModel

__all__ = [
    'BatchedTTAModel',
    'LeanEncoderDecoder',
    'LeanTTAModel',
    'MultiScaleEncoderDecoder',
    'original_image',
    'predicting',
]
