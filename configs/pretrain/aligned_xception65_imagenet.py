"""AlignedXception-65 on ImageNet, in the preprocessing of DeepLab v3+.

`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 4.3: 299 px, Nesterov
momentum 0.9, weight decay 4e-5, learning rate 0.05 times 0.94 every 2 epochs, 50
asynchronous workers with 32 images each (top-1 error 20.19 %). One step of 256 images
stands for eight of theirs, so the rate is 0.4 here, after 5 epochs of warm-up (`Goyal
et al. <https://arxiv.org/abs/1706.02677>`_, section 2.2). The paper gives no length.
TF has dropout 0.5 before the classifier, mmpretrain's head none. Not measured.
mmseg-deeplab train configs/pretrain/aligned_xception65_imagenet.py
"""

_base_ = ['../_base_/pretrain/imagenet.py']
crop_size = 299
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=crop_size),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=342, edge='short'),  # 299 / 0.875
    dict(type='CenterCrop', crop_size=crop_size),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor',
        mean=[127.5, 127.5, 127.5],  # TF scales to -1..1
        std=[127.5, 127.5, 127.5],
        to_rgb=True,
    ),
    backbone=dict(
        type='mmseg.AlignedXception', depth=65, output_stride=32, out_indices=(3,)
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
    optimizer=dict(type='SGD', lr=0.4, momentum=0.9, nesterov=True, weight_decay=4e-5)
)
auto_scale_lr = dict(base_batch_size=256)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=25_020, by_epoch=False),
    dict(type='StepLR', step_size=10_008, gamma=0.94, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=600_480, val_interval=5004)
