"""Evaluation: one metric on one confusion matrix."""

from .segmentation_metric import SegmentationMetric

__all__ = ['SegmentationMetric']
