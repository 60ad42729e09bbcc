"""Decode heads of the DeepLab family."""
