"""Panoptic-DeepLab on MobileNetV3-Large at output stride 16, as in deeplab2.

`Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_ in the form of
google-research/deeplab2: the pooling branch is normalised, the hardest pixels are those
of each image.
"""

norm_cfg = dict(type='SyncBN', eps=1e-3, momentum=0.01, requires_grad=True)
model = dict(
    type='PanopticDeepLab',
    thing_classes=None,  # set by the leaf
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
        out_indices=(3, 6, 16),  # strides 4, 8 and 16
        norm_cfg=norm_cfg,
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://contrib/mobilenet_v3_large'
        ),
    ),
    decode_head=dict(
        type='PanopticDeepLabHead',
        in_channels=960,
        in_index=2,
        num_classes=None,  # set by the leaf
        dilations=(1, 6, 12, 18),
        low_level_in_channels=(40, 24),
        aspp_dropout=0.1,
        norm_cfg=norm_cfg,
        align_corners=True,
        top_k_per_image=True,
        offset_over_channels=True,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
