"""A small network of Auto-DeepLab's search space, for two CPU cores.

Five cells on the first part of the path of `Auto-DeepLab
<https://arxiv.org/abs/1901.02985>`_, two blocks, 8 filters.
"""

_base_ = ['./autodeeplab.py']
norm_cfg = dict(type='BN', eps=1e-5, momentum=0.1)
model = dict(
    backbone=dict(
        filters=8,
        genotype=dict(
            levels=[0, 0, 1, 2, 1],
            blocks=[
                [['sep_conv_3x3', 0], ['atrous_conv_3x3', 1]],
                [['sep_conv_5x5', 0], ['skip', 2]],
            ],
        ),
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        in_channels=32,
        c1_in_channels=16,
        channels=32,
        c1_channels=12,
        dilations=(1, 3, 6),
        norm_cfg=norm_cfg,
    ),
)
