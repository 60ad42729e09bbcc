"""DeepLab v3+ on ConvNeXt-T of MMPretrain, whose backbones are named by their scope.

`ConvNeXt <https://arxiv.org/abs/2201.03545>`_ has output stride 32; the rates of the
pyramid are those of that stride.
"""

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='LeanEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=(0, 3),  # each has a norm of its own: no unused ones
        drop_path_rate=0.4,
        layer_scale_init_value=1.0,
        gap_before_final_norm=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/convnext/'
            'downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth',
            prefix='backbone.',
        ),
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=768,
        in_index=1,
        channels=256,
        num_classes=None,  # set by the leaf
        dilations=(1, 3, 6, 9),
        c1_in_channels=96,
        c1_channels=48,
        num_convs=2,
        separable=True,
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
