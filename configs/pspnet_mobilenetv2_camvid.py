"""PSPNet on MobileNetV2 and CamVid, for comparison: https://arxiv.org/abs/1612.01105

MMSegmentation's head on the same backbone as the other heads. What we have measured is
in docs/benchmarks.md.

    mmseg-deeplab train pspnet_mobilenetv2_camvid
"""

_base_ = ['./deeplabv3_mobilenetv2_camvid.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='PSPHead',
        in_channels=320,
        in_index=3,
        num_classes=_base_.num_classes,
        channels=256,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
