"""DeepLab v1 (LargeFOV) on VGG-16: one atrous fc6 at rate 12.

`DeepLab v1 <https://arxiv.org/abs/1412.7062>`_, section 5. The initial weights are
torchvision's ImageNet VGG-16, which expects scaled RGB. With the Caffe file (converted,
docs/weights.md) set the data preprocessor of ``deeplabv2_r101.py``.
"""

model = dict(
    type='LeanEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,  # after the mean is subtracted: the padding is the mean colour
        seg_pad_val=255,
    ),
    backbone=dict(
        type='VGG16LargeFOV',
        output_stride=8,
        average_pool=True,  # pool5a
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://vgg16'),
    ),
    decode_head=dict(
        type='LargeFOVHead',
        in_channels=512,
        in_index=0,
        num_classes=None,  # set by the leaf
        dilations=(12,),
        align_corners=True,  # as Caffe's Interp layer
        loss_decode=dict(
            type='CrossEntropyLoss',
            avg_non_ignore=True,  # mean over labelled pixels, as Caffe
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
