"""Panoptic-DeepLab on ResNet-52 at output stride 16, as in detectron2 (DSConv).

`Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_ in the form of detectron2's
``panoptic_deeplab_R_52_os16_mg124_poly_90k_bs32_crop_512_1024_dsconv.yaml``. ResNet-52
is ResNet-50 with three 3x3 convolutions in the stem. Its ImageNet weights are
detectron2's ``DeepLab/R-52.pkl``. Convert them,

    mmseg-deeplab convert detectron2 R-52.pkl r52.pth

and set ``backbone.init_cfg=dict(type='Pretrained', checkpoint='r52.pth',
prefix='backbone.')``.
"""

norm_cfg = dict(type='SyncBN', requires_grad=True)
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
        type='ResNetV1c',
        depth=50,
        stem_channels=128,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        multi_grid=(2, 4, 8),
        contract_dilation=False,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='PanopticDeepLabHead',
        in_channels=2048,
        in_index=3,
        num_classes=None,  # set by the leaf
        dilations=(1, 6, 12, 18),
        image_pooling=dict(norm_cfg=None),
        instance_low_level_channels=(64, 32),
        separable_aspp=True,
        separable_center=False,
        aspp_dropout=0.1,
        norm_cfg=norm_cfg,
        align_corners=False,
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
