"""DeepLab v3 on mmpretrain's ConvNeXt-T: the v3+ base without its decoder."""

_base_ = ['./deeplabv3plus_convnext_t.py']
model = dict(
    backbone=dict(out_indices=(3,)),
    decode_head=dict(
        _delete_=True,
        type='DeepLabV3Head',
        in_channels=768,
        in_index=0,
        num_classes=None,  # set by the leaf
        dilations=(1, 3, 6, 9),
        dropout_ratio=0.1,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
