"""ADE20K as MMSegmentation trains and tests on it.

For its published checkpoints and metrics: images are resized to fit 2048x512 before
testing (labels keep their size). Training, with crops of 512x512, and preparation:
ade20k.py.
"""

_base_ = './ade20k.py'
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(type='LeanPackSegInputs'),
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
