"""Decode heads of the DeepLab family."""

from .classifier_module import ClassifierModule

__all__ = ['ClassifierModule']
