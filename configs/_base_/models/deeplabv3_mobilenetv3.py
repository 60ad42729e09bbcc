"""DeepLab v3 on MobileNetV3-Large, in the form of torchvision: 256 channels, one 3x3.

`MobileNetV3 <https://arxiv.org/abs/1905.02244>`_ with torchvision's
``deeplabv3_mobilenet_v3_large``: output stride 16 with the rates 12, 24, 36.
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
        type='DeepLabMobileNetV3',
        arch='large',
        output_stride=16,
        out_indices=(3, 6, 12, 16),  # strides 4, 8, 16 and 16
        norm_cfg=dict(type='SyncBN', eps=1e-3, momentum=0.01, requires_grad=True),
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://contrib/mobilenet_v3_large'
        ),
    ),
    decode_head=dict(
        type='DeepLabV3Head',
        in_channels=960,
        in_index=3,
        channels=256,
        num_classes=None,  # set by the leaf
        dilations=(1, 12, 24, 36),
        num_convs=1,
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
