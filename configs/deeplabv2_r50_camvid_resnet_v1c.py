"""deeplabv2_r50_camvid.py with MMSegmentation's own ``ResNetV1c``.

One part swapped by inheritance: the head, data and recipe stay. The backbone's
ImageNet weights bring their own colour statistics. Not measured by us.

    mmseg-deeplab train deeplabv2_r50_camvid_resnet_v1c
"""

_base_ = './deeplabv2_r50_camvid.py'
rgb = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
model = dict(
    data_preprocessor=rgb,
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=50,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=dict(type='SyncBN'),
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'),
    ),
)
