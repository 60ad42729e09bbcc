"""Panoptic-DeepLab on ResNet-50 at output stride 32, as in bowenc0221's code.

`Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_ in the form of the author's
``panoptic_deeplab_R50_os32_cityscapes.yaml``: three stages in each decoder.
"""

norm_cfg = dict(type='SyncBN', momentum=0.01, requires_grad=True)
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
        type='ResNet',
        depth=50,
        norm_cfg=norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(
        type='PanopticDeepLabHead',
        in_channels=2048,
        in_index=3,
        num_classes=None,  # set by the leaf
        dilations=(1, 3, 6, 9),
        image_pooling=dict(norm_cfg=None, bias=False),
        low_level_index=(2, 1, 0),
        low_level_in_channels=(1024, 512, 256),
        low_level_channels=(128, 64, 32),
        instance_low_level_channels=(64, 32, 16),
        aspp_dropout=0.5,
        norm_cfg=norm_cfg,
        align_corners=True,
        offset_over_channels=True,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
