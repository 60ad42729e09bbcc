"""DeepLab v1 (a narrow VGG-16) on SyntheticStreets: https://arxiv.org/abs/1412.7062

An eighth of the channels. From scratch, for two CPU cores; not measured by us.

    mmseg-deeplab train deeplabv1_vgg16_synthetic_streets
"""

_base_ = [
    './_base_/models/deeplabv1_vgg16.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/default_runtime.py',
    './_base_/schedules/scratch_adamw.py',
]
model = dict(
    _base_.model_for_data,
    backbone=dict(base_channels=8, init_cfg=None),
    decode_head=dict(in_channels=64, channels=128, num_classes=_base_.num_classes),
)
optim_wrapper = dict(optimizer=dict(lr=0.001))  # it has no BatchNorm
