"""PSPNet on a dilated ResNet-50 through MMSegmentation's own parts, for comparison.

`PSPNet <https://arxiv.org/abs/1612.01105>`_.
"""

_base_ = ['./deeplabv3_r50_zoo.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='PSPHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        num_classes=None,  # set by the leaf
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    )
)
