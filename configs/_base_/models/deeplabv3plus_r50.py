"""DeepLab v3+ on ResNet-50: ``deeplabv3plus_r101.py`` with another depth."""

_base_ = ['./deeplabv3plus_r101.py']
model = dict(
    backbone=dict(
        depth=50, init_cfg=dict(checkpoint='open-mmlab://detectron2/resnet50_caffe')
    )
)
