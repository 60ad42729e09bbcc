"""DeepLab v3+ (a narrow MobileNetV2) on SyntheticStreets.

https://arxiv.org/abs/1802.02611. Half the channels, a quarter in the head. From
scratch, for two CPU cores; not measured by us.

    mmseg-deeplab train deeplabv3plus_mobilenetv2_synthetic_streets
"""

_base_ = [
    './_base_/models/deeplabv3plus_mobilenetv2.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/default_runtime.py',
    './_base_/schedules/scratch_adamw.py',
]
model = dict(
    _base_.model_for_data,
    backbone=dict(widen_factor=0.5, init_cfg=None),
    decode_head=dict(
        in_channels=160,
        channels=64,
        dilations=(1, 2, 3, 4),  # for the 8x16 features of a crop
        c1_in_channels=12,
        c1_channels=12,
        num_classes=_base_.num_classes,
    ),
)
