"""A trained model for others: its weights alone, one config, and a card."""

from .publish import Published, publish

__all__ = ['Published', 'publish']
