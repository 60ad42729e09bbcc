"""Cityscapes as MMSegmentation's configs of 769x769 train and test on it.

For its published checkpoints and metrics: images are resized to 2049x1025 before
testing (labels keep their size) and, in training, as the base of scales from 0.5 to 2;
colour distortion. Its models of this crop slide at test time:
``test_cfg=dict(mode='slide', crop_size=(769, 769), stride=(513, 513))``. Preparation:
cityscapes.py.
"""

_base_ = './cityscapes.py'
crop_size = (769, 769)
model_for_data = dict(data_preprocessor=dict(size=crop_size))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(
        type='RandomResize',
        scale=(2049, 1025),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='LeanRandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPhotoMetricDistortion'),
    dict(type='LeanPackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(2049, 1025), keep_ratio=True),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(type='LeanPackSegInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
