"""DeepLab v3+ (a narrow ResNet-26) on SyntheticStreets.

https://arxiv.org/abs/1802.02611. The backbone of deeplabv2_r26_synthetic_streets.py at
output stride 16. From scratch, for two CPU cores; not measured by us.

    mmseg-deeplab train deeplabv3plus_r26_synthetic_streets
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/default_runtime.py',
    './_base_/schedules/scratch_adamw.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size, std=[58.0, 57.0, 57.0]),
    backbone=dict(depth=26, base_channels=8, multi_grid=None, init_cfg=None),
    decode_head=dict(
        in_channels=256,
        channels=64,
        dilations=(1, 2, 3, 4),  # for the 8x16 features of a crop
        c1_in_channels=32,
        c1_channels=12,
        num_classes=_base_.num_classes,
    ),
)
