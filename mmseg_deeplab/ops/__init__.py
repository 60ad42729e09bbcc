"""Pure tensor functions: torch and numpy alone, no registry, no host."""

from .confusion import confusion_matrix

__all__ = ['confusion_matrix']
