"""ResNetMulti-50 on ImageNet, in the preprocessing of DeepLab v2.

He et al., `Deep Residual Learning <https://arxiv.org/abs/1512.03385>`_, section 3.4:
batches of 256, weight decay 1e-4, learning rate 0.1 divided by 10 three times; here
after 30, 60 and 90 of 100 epochs as mmpretrain's resnet50_8xb32_in1k. Not measured.
mmseg-deeplab train configs/pretrain/resnet50_imagenet.py
"""

_base_ = ['../_base_/pretrain/imagenet.py']
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[104.008, 116.669, 122.675],  # BGR, unscaled: deeplabv2_r101.py
        std=[1.0, 1.0, 1.0],
        to_rgb=False,
    ),
    backbone=dict(
        type='mmseg.ResNetMulti',
        depth=50,
        output_stride=32,
        frozen_bn='none',
        out_indices=(3,),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=_base_.num_classes,
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5),
    ),
)
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4)
)
auto_scale_lr = dict(base_batch_size=256)
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[150_120, 300_240, 450_360],
        gamma=0.1,
        by_epoch=False,
    )
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=500_400, val_interval=5004)
