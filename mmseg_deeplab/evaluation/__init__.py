"""Evaluation: metrics of one confusion matrix, and panoptic quality."""

from .panoptic_metric import PanopticMetric
from .segmentation_metric import SegmentationMetric

__all__ = ['PanopticMetric', 'SegmentationMetric']
