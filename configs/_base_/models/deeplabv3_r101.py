"""DeepLab v3 on ResNet-101, as the paper has it: output stride 16, multi-grid.

`DeepLab v3 <https://arxiv.org/abs/1706.05587>`_, section 4.1. The weights are a
Caffe-style ImageNet ResNet. MMSegmentation's own form is ``deeplabv3_r101_zoo.py``.
"""

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='LeanEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='ResNetMulti',
        depth=101,
        output_stride=16,
        multi_grid=(1, 2, 4),
        frozen_bn='none',
        norm_cfg=norm_cfg,
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'
        ),
    ),
    decode_head=dict(
        type='DeepLabV3Head',
        in_channels=2048,
        in_index=3,
        channels=256,
        num_classes=None,  # set by the leaf
        dilations=(1, 6, 12, 18),
        dropout_ratio=0.1,  # keep_prob 0.9 of the TF release
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
