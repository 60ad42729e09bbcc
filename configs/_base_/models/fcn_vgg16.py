"""FCN-32s-like network on VGG-16, for comparison with DeepLab v1 on the same backbone.

`FCN <https://arxiv.org/abs/1411.4038>`_: the backbone at output stride 32 and
MMSegmentation's ``FCNHead``; the paper's skips to finer strides are not in
MMSegmentation.
"""

_base_ = ['./deeplabv1_vgg16.py']
model = dict(
    backbone=dict(output_stride=32, average_pool=False),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=512,
        in_index=0,
        channels=1024,
        num_convs=2,
        concat_input=False,
        dropout_ratio=0.5,
        num_classes=None,  # set by the leaf
        norm_cfg=None,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
)
