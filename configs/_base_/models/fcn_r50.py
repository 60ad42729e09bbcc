"""FCN on a dilated ResNet-50 through MMSegmentation's own parts, for comparison.

`FCN <https://arxiv.org/abs/1411.4038>`_; the backbone is that of MMSegmentation's zoo.
"""

_base_ = ['./deeplabv3_r50_zoo.py']
model = dict(
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        num_convs=2,
        concat_input=True,
        dropout_ratio=0.1,
        num_classes=None,  # set by the leaf
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0),
    )
)
