"""Panoptic-DeepLab on a narrow ResNet-26: for small images and two CPU cores.

The backbone is that of deeplabv2_r26_synthetic_streets.py at output stride 16; the
head has a quarter of the paper's channels. The finest low level has stride 4.
"""

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='PanopticDeepLab',
    thing_classes=None,  # set by the leaf
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[58.0, 57.0, 57.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='ResNetMulti',
        depth=26,
        base_channels=8,
        output_stride=16,
        frozen_bn='none',
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='PanopticDeepLabHead',
        in_channels=256,
        in_index=3,
        channels=64,
        num_classes=None,  # set by the leaf
        dilations=(1, 3, 6, 9),
        low_level_in_channels=(64, 32),
        low_level_channels=(16, 8),
        instance_low_level_channels=(16, 8),
        decoder_channels=32,
        instance_decoder_channels=32,
        instance_head_channels=16,
        norm_cfg=norm_cfg,
        align_corners=True,
        # Offsets are an eighth of those on Cityscapes, as are the sides of the images.
        loss_weights=(1.0, 200.0, 0.08),
        top_k_percent=1.0,  # a short training learns more from all pixels
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
