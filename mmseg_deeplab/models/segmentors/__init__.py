"""Segmentors of the DeepLab family."""

from .batched_tta import BatchedTTAModel
from .crf_tta import CRFTTAModel
from .lean_encoder_decoder import LeanEncoderDecoder
from .multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .original_image import original_image

__all__ = [
    'BatchedTTAModel',
    'CRFTTAModel',
    'LeanEncoderDecoder',
    'MultiScaleEncoderDecoder',
    'original_image',
]
