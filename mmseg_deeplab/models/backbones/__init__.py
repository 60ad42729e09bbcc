"""Backbones of the DeepLab family."""
