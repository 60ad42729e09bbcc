"""DeepLab v3 (MobileNetV2-D8) on Cityscapes as in MMSegmentation's zoo.

https://arxiv.org/abs/1706.05587. 4 processes x 2 crops of 512x1024, 80k steps. The
backbone is MMSegmentation's, which dilates only the first block of a stage. The zoo
reports 73.84 mIoU on val; not measured by us.

    tools/dist_train.sh configs/deeplabv3_mobilenetv2_cityscapes_zoo.py 4
"""

_base_ = './deeplabv3_r50_cityscapes_zoo.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        strides=(1, 2, 2, 1, 1, 1, 1),
        dilations=(1, 1, 1, 2, 2, 4, 4),
        out_indices=(1, 2, 4, 6),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
    ),
    decode_head=dict(in_channels=320),
    auxiliary_head=dict(in_channels=96),
)
