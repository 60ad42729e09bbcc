"""Refinement of the predictions of a network."""

from .dense_crf import DenseCRF

__all__ = ['DenseCRF']
