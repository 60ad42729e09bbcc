"""DeepLab v3 on ResNet-101 as in MMSegmentation's zoo."""

_base_ = ['./deeplabv3_r50_zoo.py']
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint='open-mmlab://resnet101_v1c'))
)
