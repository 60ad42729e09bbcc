"""DeepLab v3 (MobileNetV2) as in VainF/DeepLabV3Plus-Pytorch.

https://arxiv.org/abs/1706.05587. One process, 16 crops of 513x513, 30k steps at output
stride 16. A full pyramid, padding as in that code. They report 70.1 mIoU on 513x513
center crops of val; not measured by us.

    mmseg-deeplab train deeplabv3_mobilenetv2_voc12aug_vainf
"""

_base_ = './deeplabv3_r50_voc12aug_vainf.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='VainFMobileNetV2',
        output_stride=16,
        norm_cfg=dict(type='BN', momentum=0.01),
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
    ),
    decode_head=dict(in_channels=320),
)
