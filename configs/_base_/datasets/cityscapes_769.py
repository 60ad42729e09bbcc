"""Cityscapes as DeepLab v3 and v3+ train on it: crops of 769x769.

https://arxiv.org/abs/1706.05587, appendix on Cityscapes: crops of 769, evaluation on
whole images. Scales from 0.5 to 2 in steps of 0.25, mirroring, no colour distortion, as
in the authors' code (tensorflow/models, research/deeplab/train.py). Preparation and
evaluation: cityscapes.py.
"""

_base_ = './cityscapes.py'
crop_size = (769, 769)
model_for_data = dict(data_preprocessor=dict(size=crop_size))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(
        type='RandomChoice',
        transforms=[
            [dict(type='Resize', scale_factor=r, keep_ratio=True)]
            for r in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
        ],
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPackSegInputs'),
]
train_dataloader = dict(
    batch_size=2,  # 8 GPUs x 2 = 16
    dataset=dict(pipeline=train_pipeline),
)
