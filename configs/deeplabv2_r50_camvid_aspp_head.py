"""deeplabv2_r50_camvid.py with MMSegmentation's own ``ASPPHead``.

One part swapped by inheritance: ResNetMulti stays, and so do data, recipe and the
head's 10x and 20x learning rates. Not measured by us.

    mmseg-deeplab train deeplabv2_r50_camvid_aspp_head
"""

_base_ = './deeplabv2_r50_camvid.py'
model = dict(
    decode_head=dict(
        _delete_=True,
        type='ASPPHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        dilations=(1, 12, 24, 36),  # DeepLab v3's rates at output stride 8
        norm_cfg=dict(type='SyncBN'),
        num_classes=_base_.num_classes,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
)
