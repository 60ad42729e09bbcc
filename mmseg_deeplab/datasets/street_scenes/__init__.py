"""Street scenes in perspective with exact labels, drawn from a seed and an index."""

from .render import render_panoptic, render_scene
from .scene_options import CLASSES, PALETTE, SPLITS, THINGS

__all__ = [
    'CLASSES',
    'PALETTE',
    'SPLITS',
    'THINGS',
    'render_panoptic',
    'render_scene',
]
