"""Auto-DeepLab-S: the network of the paper's figure 3, its ASPP, v3+'s decoder.

`Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 5.2; layers and settings are
those of the authors' code (tensorflow/models, research/deeplab/core/nas_network.py).
From scratch: there are no initial weights. -M and -L have 32 and 48 filters.
"""

norm_cfg = dict(type='SyncBN', eps=1e-5, momentum=3e-4, requires_grad=True)
model = dict(
    type='LeanEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,  # after the mean is subtracted: the padding is grey
        seg_pad_val=255,
    ),
    backbone=dict(
        type='AutoDeepLabNet',
        filters=20,
        norm_cfg=dict(type='SyncBN', eps=1e-3, momentum=3e-4, requires_grad=True),
    ),
    decode_head=dict(
        type='DeepLabV3PlusHead',
        in_channels=200,
        in_index=1,
        c1_in_channels=100,
        num_classes=None,  # the leaf must say
        dilations=(1, 12, 24, 36),
        separable=False,
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
