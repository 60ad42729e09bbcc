"""Segmentors of the DeepLab family."""
