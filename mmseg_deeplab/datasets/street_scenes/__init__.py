"""Street scenes in perspective with exact labels, drawn from a seed and an index."""

from .classes import CLASSES, PALETTE
from .compose import render_scene
from .request import SPLITS

__all__ = ['CLASSES', 'PALETTE', 'SPLITS', 'render_scene']
