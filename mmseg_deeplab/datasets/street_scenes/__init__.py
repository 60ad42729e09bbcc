"""Street scenes in perspective with exact labels, drawn from a seed and an index."""

from .render import render_scene
from .scene_options import CLASSES, PALETTE, SPLITS

__all__ = ['CLASSES', 'PALETTE', 'SPLITS', 'render_scene']
