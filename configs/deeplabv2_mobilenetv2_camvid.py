"""DeepLab v2's head on MobileNetV2 and CamVid: https://arxiv.org/abs/1606.00915

The papers do not have this combination: the same backbone for every head. What we have
measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_mobilenetv2_camvid
"""

_base_ = ['./deeplabv3_mobilenetv2_camvid.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='ClassifierModule',
        in_channels=320,
        in_index=3,
        num_classes=_base_.num_classes,
        dilations=(3, 6, 9, 12),  # ASPP-L at output stride 16
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
