"""A small network of Auto-DeepLab's search space on SyntheticStreets, from scratch.

https://arxiv.org/abs/1901.02985. `mmseg-deeplab decode` writes configs that inherit
from this one and set the network that a search has found. Measured networks of this
space: docs/auto_deeplab.md.

    mmseg-deeplab train autodeeplab_synthetic_streets
"""

_base_ = [
    './_base_/models/autodeeplab_small.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/schedules/scratch_adamw.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
