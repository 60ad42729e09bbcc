"""deeplabv2_r50_camvid.py for two CPU cores and without a download.

A quarter of the channels, trained from scratch in crops of 241: BatchNorm trains, and
AdamW with one rate takes the place of the paper's SGD, which needs a pre-trained
backbone. Measured figures: docs/benchmarks.md.

    python tools/train.py configs/deeplabv2_r50_camvid_scratch.py
"""
_base_ = './deeplabv2_r50_camvid.py'
size, max_iters = (241, 241), 1500
model = dict(
    data_preprocessor=dict(size=size, std=[58.0, 57.0, 57.0]),
    backbone=dict(base_channels=16, frozen_bn='none', init_cfg=None),
    decode_head=dict(in_channels=512),
)
crop = dict(type='RandomCrop', crop_size=size, cat_max_ratio=0.75)
pipeline = [*_base_.train_pipeline[:3], crop, *_base_.train_pipeline[4:]]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.003, weight_decay=0.01),
    paramwise_cfg=dict(head_lr_mult=1.0, head_bias_lr_mult=1.0),
)
param_scheduler = [dict(_base_.param_scheduler[0], end=max_iters)]
train_cfg = dict(max_iters=max_iters, val_interval=250)
randomness = dict(seed=0)
