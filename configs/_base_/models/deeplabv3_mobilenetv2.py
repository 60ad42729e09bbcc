"""DeepLab v3 on MobileNetV2 with the dilation rule of the TF release.

`MobileNetV2 <https://arxiv.org/abs/1801.04381>`_, section 6.3, and the TF model zoo:
image pooling and a 1x1 branch only, output stride 16. Mean and deviation are those of
mmpretrain's weights; weights that come from TF expect 127.5 for both.
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
        type='DeepLabMobileNetV2',
        output_stride=16,
        norm_cfg=norm_cfg,
        init_cfg=dict(type='Pretrained', checkpoint='mmcls://mobilenet_v2'),
    ),
    decode_head=dict(
        type='DeepLabV3Head',
        in_channels=320,
        in_index=3,
        channels=256,
        num_classes=None,  # set by the leaf
        dilations=(1,),
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
