"""A small network of Auto-DeepLab's search space on SyntheticStreets, from scratch.

https://arxiv.org/abs/1901.02985. Five cells on the first part of the paper's path, two
blocks of its cell, 8 filters; for two CPU cores. `mmseg-deeplab decode` writes configs
that inherit from this one and set the network that a search has found. What to expect:
docs/auto_deeplab.md.

    mmseg-deeplab train autodeeplab_synthetic_streets
"""

_base_ = [
    './_base_/models/autodeeplab.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/schedules/scratch_adamw.py',
    './_base_/default_runtime.py',
]
cell = [
    [['sep_conv_3x3', 0], ['atrous_conv_3x3', 1]],
    [['sep_conv_5x5', 0], ['skip', 2]],
]
norm_cfg = dict(type='BN', eps=1e-5, momentum=0.1)
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    backbone=dict(
        filters=8,
        genotype=dict(levels=[0, 0, 1, 2, 1], blocks=cell),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        in_channels=32,
        c1_in_channels=16,
        channels=32,
        c1_channels=12,
        dilations=(1, 3, 6),
        num_classes=_base_.num_classes,
        norm_cfg=norm_cfg,
    ),
)
