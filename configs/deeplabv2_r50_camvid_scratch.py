"""deeplabv2_r50_camvid.py for two CPU cores and without a download.

A quarter of the channels, trained from scratch in crops of 241. What we have measured
is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_r50_camvid_scratch
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/camvid.py',
    './_base_/default_runtime.py',
    './_base_/schedules/scratch_adamw.py',
]
size = (241, 241)
model = dict(
    data_preprocessor=dict(size=size, std=[58.0, 57.0, 57.0]),
    backbone=dict(depth=50, base_channels=16, frozen_bn='none', init_cfg=None),
    decode_head=dict(in_channels=512, num_classes=_base_.num_classes),
)
crop = dict(type='LeanRandomCrop', crop_size=size, cat_max_ratio=0.75)
pipeline = [*_base_.train_pipeline[:3], crop, *_base_.train_pipeline[4:]]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
optim_wrapper = dict(optimizer=dict(lr=0.003))
