"""DeepLab v2 on ResNet-101: dilated Caffe-style ResNet, four summed classifiers.

`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4. Mean and colour order are
those of the Caffe release. The initial weights are a Caffe-style ImageNet ResNet (the
stride in the first 1x1), downloaded once; the lineage's own file is taken with
``--cfg-options model.backbone.init_cfg.checkpoint=FILE``.
"""

model = dict(
    type='LeanEncoderDecoder',
    # Inside the model: with --tta MMSegmentation would prefer one at the top level,
    # which leaves do not change.
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.008, 116.669, 122.675],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,  # after the mean is subtracted: the padding is the mean colour
        seg_pad_val=255,
    ),
    backbone=dict(
        type='ResNetMulti',
        depth=101,
        output_stride=8,
        frozen_bn='all',  # as Caffe: statistics and affine
        init_cfg=dict(
            type='Pretrained', checkpoint='open-mmlab://detectron2/resnet101_caffe'
        ),
    ),
    decode_head=dict(
        type='ClassifierModule',
        in_channels=2048,
        in_index=3,
        num_classes=None,  # set by the leaf
        dilations=(6, 12, 18, 24),  # ASPP-L
        align_corners=True,  # as Caffe's Interp layer
        loss_decode=dict(
            type='CrossEntropyLoss',
            avg_non_ignore=True,  # mean over labelled pixels, as Caffe
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
